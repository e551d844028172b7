/** What is tried now; never contains a password. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** The camera is connected and needs longer than usual. */
  readonly isSlow?: boolean;
}

export type OnProgress = (progress: Progress) => void;

/** Publishes progress. `onSlow` publishes the last progress again, with `isSlow`. */
export function trackProgress(publish: OnProgress = () => {}) {
  let last: Progress = { what: 'the stream', done: 0, total: 0 };
  return {
    onProgress: (progress: Progress): void => {
      last = progress;
      publish(progress);
    },
    onSlow: (): void => publish({ ...last, isSlow: true }),
  };
}
