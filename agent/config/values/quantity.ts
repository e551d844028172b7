/**
 * Texts of the file that mean a number. The schema marks them with `unit`, and the loader resolves them once:
 * `readTimeout: 10s` becomes `readTimeoutMs: 10000`, and `recordMaxPartSize: 50M` becomes `recordMaxPartSizeBytes`.
 */
export type DurationText = string & { readonly '~unit': 'Ms' };
export type SizeText = string & { readonly '~unit': 'Bytes' };

/** An object of the schema in the program: quantities are numbers under a name with their unit. */
export type Resolved<T> = {
  readonly [K in keyof T as ResolvedKey<K, T[K]>]: T[K] extends DurationText | SizeText ? number : T[K];
};

type ResolvedKey<K, V> = V extends DurationText ? `${K & string}Ms` : V extends SizeText ? `${K & string}Bytes` : K;
