/**
 * Texts of the file that stand for a number. The schema marks them with `unit`, and the reader resolves them once:
 * a key `readTimeout: 10s` becomes `readTimeoutMs: 10000`, and `recordMaxPartSize: 50M` becomes
 * `recordMaxPartSizeBytes`. So every number in the program says its unit, and keys in files and API stay MediaMTX's.
 */
export type DurationText = string & { readonly '~unit': 'Ms' };
export type SizeText = string & { readonly '~unit': 'Bytes' };

/** The program's view of an object of the schema: quantities as numbers under a name with their unit, the rest as it is. */
export type Resolved<T> = {
  readonly [K in keyof T as ResolvedKey<K, T[K]>]: T[K] extends DurationText | SizeText ? number : T[K];
};

type ResolvedKey<K, V> = V extends DurationText ? `${K & string}Ms` : V extends SizeText ? `${K & string}Bytes` : K;
