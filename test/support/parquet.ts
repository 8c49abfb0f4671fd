import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';

export interface ParquetFile {
  readonly metadata: FileMetaData;
  readonly rows: readonly Record<string, unknown>[];
}

/**
 * Reads a whole Parquet file with a reader that shares no code with the writer's encoders. Decimals come as the integers
 * that are stored: the reader would make doubles of them.
 */
export async function readParquet(bytes: Uint8Array): Promise<ParquetFile> {
  const file = new Uint8Array(bytes).buffer;
  const metadata = parquetMetadata(file);
  const decimals = new Set(
    metadata.schema.filter(({ logical_type }) => logical_type?.type === 'DECIMAL').map(({ name }) => name),
  );
  const schema = metadata.schema.map((element) => {
    if (!decimals.has(element.name)) return element;
    const { converted_type: _, logical_type: __, ...raw } = element;
    return raw;
  });
  const rows = await parquetReadObjects({ file, metadata: { ...metadata, schema } });
  return {
    metadata,
    rows: rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          decimals.has(name) && value instanceof Uint8Array ? integerOf(value) : value,
        ]),
      ),
    ),
  };
}

/** Big-endian two's complement. */
function integerOf(bytes: Uint8Array): bigint {
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}
