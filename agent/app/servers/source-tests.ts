import type { Static } from 'typebox';
import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { type JoinedSignal, withJoinedSignal } from '../../base/joined-signal.ts';
import { redact } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { schemeOf } from '../../config/schema/source.ts';
import type { SourceTestAnswer } from '../../http/api/device/config-schemas.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { settingsFor } from '../../paths/path-settings.ts';
import { describeTrack } from '../../paths/path-status.ts';
import type { Source } from '../../stream/contracts.ts';
import { type Reader, Stream } from '../../stream/stream.ts';

/** Some cameras take 8 s for each answer, and send a key frame every 10 s. */
const DEADLINE_MS = 30_000;

interface SourceTestsDeps {
  /** Makes a source without the check of the camera's identity, whose result would count for the camera of the path. */
  makeSource(name: string, settings: PathSettings, config: Config): Source;
  readonly signal: AbortSignal;
  /** Default: 30 s. */
  readonly testDeadlineMs?: number;
}

type SourceTestResult = Static<typeof SourceTestAnswer>;

const bad = (error: string, why: string | null): SourceTestResult => ({ isGood: false, tracks2: [], error, why });

/** Connects to sources for a moment, to see what they send. */
export class SourceTests {
  readonly #deps: SourceTestsDeps;
  readonly #limit = new ConcurrencyLimit(4, 8, 'sources');

  constructor(deps: SourceTestsDeps) {
    this.#deps = deps;
  }

  /** @param signal the client has left @throws PerchError badInput unless the path is pulled, exhausted */
  async run(config: Config, name: string, signal: AbortSignal): Promise<SourceTestResult> {
    const settings = settingsFor(config.paths.get(name), name);
    if (!settings?.source.includes('://')) {
      throw new PerchError('badInput', 'source: there is nothing to connect to: write a URL', { path: name });
    }
    const scheme = schemeOf(settings.source);
    if (scheme.startsWith('unix+')) {
      return bad(`${scheme}:// sources are not tested: a test would create and remove the file of the socket`, null);
    }
    const { makeSource, testDeadlineMs = DEADLINE_MS } = this.#deps;
    const signals = [signal, this.#deps.signal];
    try {
      const tracks = await this.#limit.run(() =>
        withJoinedSignal(signals, testDeadlineMs, (joined) => firstPicture(makeSource(name, settings, config), joined)),
      );
      return { isGood: true, tracks2: tracks.map(describeTrack), error: null, why: null };
    } catch (error) {
      if (error instanceof PerchError && error.context['retryAfterS'] !== undefined) {
        throw error;
      }
      return bad(redact(explain(error)), reasonOf(error));
    }
  }
}

/** The tracks, once the first sample of the leading one has arrived. */
async function firstPicture(source: Source, joined: JoinedSignal): Promise<readonly Track[]> {
  // The signal may have aborted while the test waited for its turn: no event follows.
  joined.signal.throwIfAborted();
  const stop = new AbortController();
  joined.signal.addEventListener('abort', () => stop.abort());
  let stream: Stream | undefined;
  const arrived = Promise.withResolvers<void>();
  const publish = (tracks: readonly Track[]): Stream => {
    const leading = Math.max(
      0,
      tracks.findIndex(({ kind }) => kind === 'video'),
    );
    stream = new Stream(tracks);
    stream.addReader(readerOf(leading, arrived.resolve), false);
    return stream;
  };
  const ended = source.run({ publish }, stop.signal).then(() => {
    throw joined.isLate
      ? new PerchError('timeout', stream ? 'the source is connected, but sends no picture' : 'no answer in time')
      : new PerchError('unavailable', 'the source ended the stream');
  });
  try {
    await Promise.race([arrived.promise, ended]);
    return stream?.tracks ?? [];
  } finally {
    stop.abort();
    await ended.catch(() => {});
    stream?.close();
  }
}

/** @param leading number of the track whose first key sample counts */
const readerOf = (leading: number, onArrived: () => void): Reader => ({
  id: 'source test',
  countsHolds: true,
  onSample: (track: number, { key }: Sample) => {
    if (track === leading && key) {
      onArrived();
    }
  },
  onTrack: () => {},
  onEnd: () => {},
});

/** HTTP status. */
const NOT_FOUND = 404;
const BY_CODE: Partial<Record<PerchError['code'], string>> = {
  unauthorized: 'password',
  notFound: 'noStream',
  timeout: 'silent',
  unsupported: 'notSupported',
};

function reasonOf(error: unknown): string | null {
  if (!(error instanceof PerchError)) {
    return null;
  }
  const { absence, isUnreachable, status } = error.context;
  if (typeof absence === 'string') {
    return absence;
  }
  if (status === NOT_FOUND) {
    return 'noStream';
  }
  return isUnreachable === true ? 'silent' : (BY_CODE[error.code] ?? null);
}
