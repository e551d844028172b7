import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type Config, resolvePath } from '../config/load.ts';
import type { PathSettings } from '../config/path.ts';
import type { PathEntry } from '../config/path-entry.ts';
import type { Source } from '../sources/source.ts';
import type { Stream } from '../stream/stream.ts';
import { Path, type PathRecorder } from './path.ts';
import { disabledStatus, type PathStatus } from './path-status.ts';

const TICK_MS = 1_000;

/** How the parts of a path are made; the composition root knows the kinds. */
export interface PathMakers {
  source(name: string, settings: PathSettings, config: Config): Source | undefined;
  recorder(name: string, settings: PathSettings): PathRecorder | undefined;
  streamOpened(name: string, stream: Stream): void;
}

/** What of a path's settings concerns the recorder alone: a change of these leaves source and readers untouched. */
type RecordKey = Extract<keyof PathSettings, `record${string}`>;
const RECORD_KEYS = /^record/;

interface LivePath {
  readonly path: Path;
  readonly sourceKey: string;
  recordKey: string;
}

/** All paths by name: makes them as the configuration says and changes only those whose settings have changed. */
export class PathTable {
  readonly #makers: PathMakers;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #live = new Map<string, LivePath>();
  readonly #stopTicking: () => void;
  #config: Config | undefined;

  constructor(makers: PathMakers, clock: Clock, log: Logger) {
    this.#makers = makers;
    this.#clock = clock;
    this.#log = log;
    this.#stopTicking = clock.every(TICK_MS, () => {
      const monoMs = clock.monoMs();
      for (const { path } of this.#live.values()) {
        path.tick(monoMs);
      }
    });
  }

  /** Brings the paths to what `config` says; resolves when all that had to stop has stopped. */
  async apply(config: Config): Promise<void> {
    this.#config = config;
    const stopping: Promise<void>[] = [];
    for (const [name, live] of this.#live) {
      const settings = settingsOf(config.paths.get(name));
      if (!settings || sourceKeyOf(settings, config) !== live.sourceKey) {
        this.#live.delete(name);
        stopping.push(live.path.stop());
      }
    }
    // What has a new source starts when the old one has let go of the camera: some allow one session only.
    await Promise.all(stopping);
    await Promise.all([...config.paths.values()].map((entry) => this.#bring(entry, config)));
  }

  /** The stream of a path. @throws PerchError notFound while there is none, badInput when the path is not configured */
  async open(name: string): Promise<Stream> {
    const live = this.#live.get(name);
    if (live) {
      return live.path.stream;
    }
    const entry = this.#config && resolvePath(this.#config, name);
    if (!entry) {
      throw new PerchError('badInput', `path '${name}' is not configured`, { path: name });
    }
    const reason = entry.error === undefined ? '' : `: ${entry.error}`;
    throw new PerchError('notFound', `no stream is available on path '${name}'${reason}`, { path: name });
  }

  list(): PathStatus[] {
    const disabled = [...(this.#config?.paths.values() ?? [])].filter((entry) => entry.error !== undefined);
    return [...[...this.#live.values()].map(({ path }) => path.status), ...disabled.map(disabledStatus)];
  }

  find(name: string): PathStatus | undefined {
    return this.#live.get(name)?.path.status ?? this.list().find((status) => status.name === name);
  }

  /** Whether something should be recorded and cannot be. */
  get isRecordingBroken(): boolean {
    return [...this.#live.values()].some(({ path }) => path.status.recording?.error);
  }

  async close(): Promise<void> {
    this.#stopTicking();
    const paths = [...this.#live.values()];
    this.#live.clear();
    await Promise.all(paths.map(({ path }) => path.stop()));
  }

  async #bring(entry: PathEntry, config: Config): Promise<void> {
    const settings = settingsOf(entry);
    if (!settings) {
      return;
    }
    const { name } = entry;
    const recordKey = recordKeyOf(settings);
    const live = this.#live.get(name);
    if (live) {
      if (live.recordKey !== recordKey) {
        live.recordKey = recordKey;
        await live.path.setRecorder(this.#makers.recorder(name, settings));
      }
      return;
    }
    const path = new Path(
      {
        name,
        title: settings.camera?.name ?? null,
        source: this.#makers.source(name, settings, config),
        recorder: this.#makers.recorder(name, settings),
        onStream: (stream) => this.#makers.streamOpened(name, stream),
      },
      this.#clock,
      this.#log,
    );
    this.#live.set(name, { path, sourceKey: sourceKeyOf(settings, config), recordKey });
    path.start();
  }
}

/** The settings of a path that is there by itself: one of its own name, and not disabled. */
function settingsOf(entry: PathEntry | undefined): PathSettings | undefined {
  return entry?.pattern ? undefined : entry?.settings;
}

function sourceKeyOf(settings: PathSettings, config: Config): string {
  const other = Object.entries(settings).filter(([key]) => !RECORD_KEYS.test(key));
  return JSON.stringify([other.sort(), config.readTimeoutMs]);
}

function recordKeyOf(settings: PathSettings): string {
  const own = Object.entries(settings).filter(([key]) => RECORD_KEYS.test(key)) as [RecordKey, unknown][];
  // How long recordings are kept is asked anew in each round of the retention; the recorder does not know it.
  return JSON.stringify(own.filter(([key]) => key !== 'recordDeleteAfterMs').sort());
}
