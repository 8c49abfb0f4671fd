/** Keys of the LMDB databases: big endian, so that their order is the order of the numbers. */

export const positionKey = (position: number): Buffer => {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(position / 0x1_0000_0000), 0);
  key.writeUInt32BE(position >>> 0, 4);
  return key;
};

export const positionOfKey = (key: Buffer): number => key.readUInt32BE(0) * 0x1_0000_0000 + key.readUInt32BE(4);

/** An infinite revision is that of a tombstone, above all others. */
export const revisionKey = (streamNo: number, revision: number): Buffer => {
  const key = Buffer.allocUnsafe(12);
  key.writeUInt32BE(streamNo, 0);
  if (revision === Infinity) {
    key.writeUInt32BE(0x7fff_ffff, 4);
    key.writeUInt32BE(0xffff_ffff, 8);
  } else {
    key.writeUInt32BE(Math.floor(revision / 0x1_0000_0000), 4);
    key.writeUInt32BE(revision >>> 0, 8);
  }
  return key;
};

export const streamNoOfKey = (key: Buffer): number => key.readUInt32BE(0);

export const revisionOfKey = (key: Buffer): number => {
  const high = key.readUInt32BE(4);
  return high === 0x7fff_ffff ? Infinity : high * 0x1_0000_0000 + key.readUInt32BE(8);
};
