import type { HashedDocument, LayerState } from './price-book.decider.js';

/** True when the release brings other prices than the recorded book, written down later. */
export function isNewer({ document, hash }: HashedDocument, book: LayerState): boolean {
  if (hash === book.documentHash) return false;
  return book.authorRecordedAt === null || document.recordedAt > book.authorRecordedAt;
}
