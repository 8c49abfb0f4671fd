import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { toInt64, toOrdinal, toUint64 } from './int64.js';
import { lengthField, message, varintField, varintSize, writeVarint } from './protobuf-writer.js';
import { decodeBatchAppendReq, type Int64Halves } from './request-messages.js';
import { isEmptyUuid, uuidBytesOf, uuidTextOf } from './uuid.js';

/** protobufjs answers in halves when it must, and in numbers when it may. */
const halves = (value: Int64Halves | number): Int64Halves =>
  typeof value === 'number' ? { low: value | 0, high: Math.floor(value / 2 ** 32) } : value;

const id = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';

describe('numbers on the wire', () => {
  it('writes every safe integer as the varint that protobuf reads back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = Buffer.alloc(10);
        const end = writeVarint(bytes, value, 0);
        expect(end).toBe(varintSize(value));
        expect(toUint64(halves(protobuf.Reader.create(bytes.subarray(0, end)).uint64()))).toBe(BigInt(value));
      }),
    );
  });

  it('keeps all 64 bits of what it reads', () => {
    expect(toUint64({ low: -1, high: -1 })).toBe(0xffff_ffff_ffff_ffffn);
    expect(toInt64({ low: -1, high: -1 })).toBe(-1n);
    expect(toOrdinal({ low: -1, high: -1 })).toBe(Infinity);
    expect(toOrdinal({ low: -1, high: 1 })).toBe(0x1_ffff_ffff);
  });

  it('writes numbers beyond safe integers and below zero as 64 bits', () => {
    const read = (bytes: Buffer): bigint => {
      const reader = protobuf.Reader.create(bytes);
      reader.uint32();
      return toInt64(halves(reader.int64()));
    };
    expect(read(varintField(3, 2n ** 63n - 1n))).toBe(2n ** 63n - 1n);
    expect(read(varintField(3, -2))).toBe(-2n);
  });
});

describe('event ids', () => {
  it('reads both spellings, upper case too, as the same 16 bytes', () => {
    const text = uuidBytesOf({ value: 'text', text: id.toUpperCase() });
    const structured = uuidBytesOf({
      value: 'structured',
      structured: { msb: { high: 0x0a1b2c3d, low: 0x4e5f6071 }, lsb: { high: 0x8293a4b5, low: 0xc6d7e8f9 } },
    });
    expect(text?.equals(structured ?? Buffer.alloc(0))).toBe(true);
    expect(uuidTextOf(text ?? Buffer.alloc(16))).toBe(id);
  });

  it('refuses what is no id', () => {
    expect(uuidBytesOf({ value: 'text', text: 'not-an-id' })).toBeUndefined();
    expect(uuidBytesOf(undefined)).toBeUndefined();
    expect(isEmptyUuid(Buffer.alloc(16))).toBe(true);
  });
});

describe('a batch append request', () => {
  it('is decoded with its expectation, its events and its deadline', () => {
    const proposed = message(
      lengthField(1, lengthField(2, id)),
      lengthField(2, lengthField(1, 'type'), lengthField(2, 'Tried')),
      lengthField(4, '{}'),
    );
    const request = decodeBatchAppendReq(
      message(
        lengthField(1, lengthField(2, id)),
        lengthField(2, lengthField(1, lengthField(3, 'task-1')), varintField(2, 7), lengthField(7, varintField(1, 3))),
        lengthField(3, proposed),
        varintField(4, 1),
      ),
    );
    expect(request.options?.expected).toBe('revision');
    expect(request.options?.limit).toBe('deadlineIn');
    expect(request.proposedMessages[0]?.metadata['type']).toBe('Tried');
    expect(request.isFinal).toBe(true);
  });
});
