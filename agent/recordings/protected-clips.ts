import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import type {
  ClipItem,
  NewProtection,
  ProtectedRecording,
  ProtectionLookup,
} from '../http/api/recordings/protected.ts';
import type { Playback } from '../playback/playback.ts';
import { formatLocalTime, requireRfc3339 } from '../playback/read/rfc3339.ts';
import type { ProtectedRange, ProtectedRanges } from '../record/retention/protected-ranges.ts';

interface ProtectedClipsDeps {
  readonly config: () => Config;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly playback: Pick<Playback, 'space' | 'measure'>;
  readonly ranges: ProtectedRanges;
}

/** Protected recordings as the API shows them. A saved clip is such a range: its recordings stay, and nothing is copied. */
export class ProtectedClips implements ProtectionLookup {
  readonly #deps: ProtectedClipsDeps;

  constructor(deps: ProtectedClipsDeps) {
    this.#deps = deps;
  }

  list(): readonly ProtectedRecording[] {
    return this.#deps.ranges.all.map(protectedJson);
  }

  async protect({ path, start, end, note, by }: NewProtection): Promise<ProtectedRecording> {
    const { config, clock, playback, ranges } = this.#deps;
    const isKnown = resolvePath(config(), path)?.settings !== undefined || playback.space.bytesOf(path).files > 0;
    if (!isKnown) {
      throw new PerchError('badInput', `path '${path.slice(0, 240)}' is not configured and has no recordings`);
    }
    const [startUs, endUs] = [requireRfc3339('start', start).us, requireRfc3339('end', end).us];
    return protectedJson(await ranges.add({ path, startUs, endUs, note, by, createdMs: Math.round(clock.wallMs()) }));
  }

  unprotect(id: string): Promise<void> {
    return this.#deps.ranges.remove(id);
  }

  async setNote(id: string, note: string): Promise<ProtectedRecording> {
    return protectedJson(await this.#deps.ranges.setNote(id, note));
  }

  async describe(id: string): Promise<ClipItem> {
    const range = this.#deps.ranges.find(id);
    const { bytes, recordedUs, firstUs } = await this.#deps.playback.measure(range);
    return {
      ...protectedJson(range),
      created: range.createdMs === undefined ? null : new Date(range.createdMs).toISOString(),
      by: range.by ?? null,
      bytes,
      recordedSeconds: recordedUs / 1e6,
      picture: firstUs === undefined ? null : formatLocalTime(firstUs, undefined),
      copying: null,
    };
  }
}

function protectedJson({ id, path, startUs, endUs, note }: ProtectedRange): ProtectedRecording {
  const text = (us: number) => formatLocalTime(us, undefined);
  return { id, path, start: text(startUs), end: text(endUs), note };
}
