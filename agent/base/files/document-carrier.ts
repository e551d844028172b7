import { basename, dirname } from 'node:path';
import { PerchError } from '../errors.ts';

/** A document in a carrier. */
export interface CarriedDocument {
  /** Undefined: there is none. */
  readonly value: unknown;
  /** Another one after each save; 0: it was never saved. */
  readonly version: number;
}

/** What a document that is in memory follows. */
export interface DocumentWatcher {
  /** The version in memory. */
  version(): number;
  /** Called when another version may have been saved, and every few seconds while the carrier answers. */
  changed(version: number): void;
  /** Called when `isCurrent` becomes false. */
  outdated(): void;
}

/** A row of a list, such as one view of the viewing history. */
export interface ListRow {
  readonly id: string;
  readonly json: string;
  /** Unix milliseconds after which `removeRows` counts it as old. */
  readonly atMs: number;
}

/** Keeps documents of the data folder for several servers, in place of files. */
export interface DocumentCarrier {
  /** Why it cannot be reached, for people; undefined: it answers. */
  readonly fault: string | undefined;
  /** False when it has not answered, or the document's version was not taken, for so long that what is in memory may have been revoked elsewhere. */
  isCurrent(name: string): boolean;
  /** Whether it keeps the document of this file name. */
  keeps(name: string): boolean;
  /** @throws PerchError unavailable */
  load(name: string): Promise<CarriedDocument>;
  /** @throws PerchError unavailable */
  versionOf(name: string): Promise<number>;
  /**
   * @param json undefined removes the document
   * @param version the one that it replaces; undefined: any
   * @returns the new version
   * @throws PerchError of `staleVersion`; unavailable
   */
  save(name: string, json: string | undefined, version: number | undefined): Promise<number>;
  watch(name: string, watcher: DocumentWatcher): void;
  /** Rows replace those with their ids. @throws PerchError unavailable */
  putRows(list: string, rows: readonly ListRow[]): Promise<void>;
  /** The latest rows, the latest first. @throws PerchError unavailable */
  readRows(list: string, count: number): Promise<readonly unknown[]>;
  /** Removes the first row that has one of the ids and is not old. @returns its value @throws PerchError unavailable */
  takeRow(list: string, ids: readonly string[], beforeMs: number): Promise<unknown>;
  /** Removes rows that are old. @throws PerchError unavailable */
  removeRows(list: string, beforeMs: number): Promise<void>;
  /**
   * Takes names for this server alone, or keeps those that it has.
   * @param ms how long, unless it is kept again
   * @returns those that no other server has @throws PerchError unavailable
   */
  lease(names: readonly string[], ms: number): Promise<ReadonlySet<string>>;
  /** Gives a name of this server up. @throws PerchError unavailable */
  release(name: string): Promise<void>;
  close(): Promise<void>;
}

/** By data folder. One process may hold several. */
const carriers = new Map<string, DocumentCarrier>();

/** Documents of this data folder that are opened from now on are kept by the carrier. @returns ends that */
export function carryDocuments(dataDir: string, carrier: DocumentCarrier): () => void {
  carriers.set(dataDir, carrier);
  return () => void carriers.delete(dataDir);
}

/** The carrier of the documents of a data folder; undefined: they are files. */
export const documentCarrier = (dataDir: string): DocumentCarrier | undefined => carriers.get(dataDir);

/** The carrier of a document. @param file where it is without one */
export function carrierOf(file: string): DocumentCarrier | undefined {
  const carrier = carriers.get(dirname(file));
  return carrier?.keeps(basename(file)) === true ? carrier : undefined;
}

/** Another server has saved the document since it was loaded. */
export const staleVersion = (name: string): PerchError =>
  new PerchError('conflict', `another server has changed ${name} meanwhile: try again`, { isStale: true });

export const isStaleVersion = (error: unknown): boolean =>
  error instanceof PerchError && error.context['isStale'] === true;
