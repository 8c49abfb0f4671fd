import type { LogBlock } from './group-writer.js';

/** The most recently used blocks of the log, bounded by bytes. Blocks never change, so nothing goes stale. */
export class BlockCache {
  private readonly blocks = new Map<number, LogBlock>();
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get(base: number): LogBlock | undefined {
    const block = this.blocks.get(base);
    if (block === undefined) return undefined;
    this.blocks.delete(base);
    this.blocks.set(base, block);
    return block;
  }

  add(block: LogBlock): void {
    if (this.blocks.has(block.base)) return;
    this.blocks.set(block.base, block);
    this.bytes += block.bytes.length;
    for (const [base, oldest] of this.blocks) {
      if (this.bytes <= this.maxBytes || this.blocks.size === 1) return;
      this.blocks.delete(base);
      this.bytes -= oldest.bytes.length;
    }
  }
}
