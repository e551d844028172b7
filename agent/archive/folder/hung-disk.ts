import { archiveFailure } from '../storage/failure.ts';

/** Each call at a network disk that hangs holds a thread of the pool, until the disk answers. */
const STALL_MS = 60_000;

/** By folder: work that hangs. */
const hung = new Map<string, number>();

/** Of work at a disk. Once the work is given up, each of its calls throws. */
export interface Progress {
  /** The disk has answered. */
  answered(): void;
  /** Work elsewhere does not count. */
  elsewhere<T>(work: Promise<T>): Promise<T>;
}

/**
 * Does work at the disk of a folder, and gives it up when the disk does not answer: it ends when the disk answers. Until then
 * nothing else is begun there.
 * @throws PerchError `timeout`
 */
export async function unlessHung<T>(folder: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  if (hung.has(folder)) {
    throw silent(folder);
  }
  const givenUp = Promise.withResolvers<never>();
  let isHung = false;
  const late = (): void => {
    isHung = true;
    hung.set(folder, (hung.get(folder) ?? 0) + 1);
    givenUp.reject(silent(folder));
  };
  let timer = setTimeout(late, STALL_MS);
  const answered = (): void => {
    if (isHung) {
      throw silent(folder);
    }
    timer.refresh();
  };
  const elsewhere = async <V>(other: Promise<V>): Promise<V> => {
    clearTimeout(timer);
    try {
      return await other;
    } finally {
      timer = isHung ? timer : setTimeout(late, STALL_MS);
      answered();
    }
  };
  const done = work({ answered, elsewhere }).finally(() => {
    clearTimeout(timer);
    if (isHung) {
      const left = (hung.get(folder) ?? 1) - 1;
      left > 0 ? hung.set(folder, left) : hung.delete(folder);
    }
  });
  return Promise.race([done, givenUp.promise]);
}

const silent = (folder: string) => archiveFailure('timeout', `the disk of ${folder} does not answer`);
