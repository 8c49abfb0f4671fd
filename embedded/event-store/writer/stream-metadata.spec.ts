import { describe, expect, it } from '@jest/globals';
import { noMetadata, parseStreamMetadata, softDeleteData, undeleteData } from './stream-metadata.js';

describe('stream metadata', () => {
  it('says what is hidden', () => {
    const metadata = parseStreamMetadata(Buffer.from('{"$maxCount":10,"$maxAge":60,"$tb":4,"mine":true}'));
    expect(metadata).toMatchObject({ maxCount: 10, maxAgeSeconds: 60, truncateBefore: 4, keys: { mine: true } });
  });

  it('is none when it is no JSON object', () => {
    for (const text of ['', '{', '[]', '7', 'null']) expect(parseStreamMetadata(Buffer.from(text))).toEqual(noMetadata);
  });

  it('knows a soft delete by its number, which is no safe integer', () => {
    expect(softDeleteData.toString()).toBe('{"$tb":9223372036854775807}');
    expect(parseStreamMetadata(softDeleteData).truncateBefore).toBe(Infinity);
  });

  it('keeps the other keys when a stream is brought back', () => {
    const before = parseStreamMetadata(Buffer.from('{"$tb":9223372036854775807,"mine":1}'));
    expect(JSON.parse(undeleteData(before, 5).toString())).toEqual({ $tb: 5, mine: 1 });
  });
});
