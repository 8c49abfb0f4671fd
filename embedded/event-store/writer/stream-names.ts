const METASTREAM_PREFIX = '$$';

/** A stream name is one LMDB key (at most 1978 bytes), and the name of its metadata stream must be one too. */
export const MAX_STREAM_NAME_BYTES = 1900;

export const METADATA_TYPE = '$metadata';
export const TOMBSTONE_TYPE = '$streamDeleted';
export const LINK_TYPE = '$>';

export const isMetastream = (stream: string): boolean => stream.startsWith(METASTREAM_PREFIX);

export const metastreamOf = (stream: string): string => METASTREAM_PREFIX + stream;

/** The stream that a metadata stream describes. */
export const describedStreamOf = (metastream: string): string => metastream.slice(METASTREAM_PREFIX.length);
