import { expect, test } from 'vitest';
import { Stream } from '../../agent/stream/stream.ts';
import { type Verdict, validate } from '../hls-validator/validate.ts';
import { g711, HlsPlayer, openHlsHarness } from '../support/harness/servers/hls-harness.ts';
import { idrPicture, skipPicture, tinyH264 } from '../support/media/tiny-h264.ts';

const GROUP_PICTURES = 25;
const SOUND_MS = 40;
/** Age of the stream when the first viewer joins. */
const BEFORE_S = 3;

/** A client without an answer for this many turns of the event loop waits for the next picture. */
const QUIET_TURNS = 6;

/** Pictures for this many seconds, this far apart. */
type Light = readonly [seconds: number, intervalMs: number];

/** A camera whose frame rate depends on the light, in groups of 25, with key pictures on request; and its audio. */
class NightCamera {
  readonly stream = new Stream([tinyH264, g711]);
  readonly #lights: readonly Light[];
  readonly #startWallMs: number;
  #pictureMs = 0;
  #soundMs = 0;
  #number = 0;
  #isKeyWanted = true;
  keysAsked = 0;

  constructor(lights: readonly Light[], startWallMs: number) {
    this.#lights = lights;
    this.#startWallMs = startWallMs;
    this.stream.onKeyFrameWanted = () => {
      this.#isKeyWanted = true;
      this.keysAsked += 1;
    };
  }

  /** Time of the next sample. */
  get nextMs(): number {
    return Math.min(this.#pictureMs, this.#soundMs);
  }

  send(): void {
    if (this.#soundMs < this.#pictureMs) {
      const pts = this.#soundMs * 8;
      const data = new Uint8Array(SOUND_MS * 8).fill(pts % 251);
      this.stream.write(1, { pts, dts: pts, wall: this.#startWallMs + this.#soundMs, key: true, data });
      this.#soundMs += SOUND_MS;
      return;
    }
    this.#number = this.#isKeyWanted ? 0 : (this.#number + 1) % GROUP_PICTURES;
    this.#isKeyWanted = false;
    const pts = Math.round(this.#pictureMs * 90);
    const key = this.#number === 0;
    const data = key ? idrPicture(100) : skipPicture(this.#number);
    this.stream.write(0, { pts, dts: pts, wall: this.#startWallMs + this.#pictureMs, key, data });
    this.#pictureMs += this.#intervalMs();
  }

  #intervalMs(): number {
    let untilMs = 0;
    for (const [seconds, intervalMs] of this.#lights) {
      untilMs += seconds * 1000;
      if (this.#pictureMs < untilMs) {
        return intervalMs;
      }
    }
    return Number.POSITIVE_INFINITY;
  }
}

interface LogLine {
  readonly targetsS: number[];
  readonly partTargetsS: (number | undefined)[];
  readonly breaks: number;
  readonly violations: readonly string[];
  readonly keysAsked: number;
}

/** A strict low-latency client of the real service, whose clock advances after all answers. */
async function watch(lights: readonly Light[]): Promise<LogLine> {
  const { app, clock, paths } = openHlsHarness({ options: { variant: 'lowLatency' } });
  const camera = new NightCamera(lights, clock.wallMs());
  paths.streams.set('cam', camera.stream);
  const player = new HlsPlayer(app);
  let answered = 0;
  const get = async (url: string) => {
    const askedMs = clock.monoMs();
    const answer = await player.get(url);
    answered += 1;
    const header = (name: string) => answer.headers[name]?.toString();
    return {
      status: answer.statusCode,
      contentType: header('content-type'),
      encoding: header('content-encoding'),
      body: new Uint8Array(answer.rawPayload),
      askedMs,
      answeredMs: clock.monoMs(),
    };
  };
  const quiet = async () => {
    for (let idle = 0, before = answered; idle < QUIET_TURNS; ) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      idle = answered === before ? idle + 1 : 0;
      before = answered;
    }
  };
  const sleep = (ms: number) => clock.sleep(ms, new AbortController().signal);
  const totalS = lights.reduce((sum, [seconds]) => sum + seconds, 0);
  let session: Promise<Verdict> | undefined;
  let isOver = false;
  while (!isOver && camera.nextMs < totalS * 1000) {
    await clock.advance(camera.nextMs - clock.monoMs());
    camera.send();
    if (!session && camera.nextMs >= BEFORE_S * 1000) {
      const url = 'http://box/cam/index.m3u8';
      const seconds = totalS - BEFORE_S - 4;
      session = validate({ url, seconds, isLowLatency: true, get, nowMs: clock.monoMs, sleep }).finally(() => {
        isOver = true;
      });
    }
    await quiet();
  }
  const verdict = await (session as Promise<Verdict>);
  const history = [...verdict.followers.values()][0]?.history.map(({ media }) => media) ?? [];
  const steps = <T>(values: readonly T[]): T[] => values.filter((value, i) => i === 0 || value !== values[i - 1]);
  return {
    targetsS: steps(history.map(({ targetDurationS }) => targetDurationS)),
    partTargetsS: steps(history.map(({ partTargetS }) => partTargetS)),
    breaks: history.at(-1)?.segments.at(-1)?.discontinuity ?? 0,
    violations: verdict.violations,
    keysAsked: camera.keysAsked,
  };
}

/** By day, by night, and by day again: the pictures of a second at night. */
test.for([
  ['12 pictures a second', 14, 1000 / 12, [1], [0.216, 0.18], 0],
  ['12.5 pictures a second', 14, 80, [1], [0.216, 0.26, 0.216], 0],
  ['4 pictures a second', 14, 250, [1], [0.216, 0.27, 0.216], 0],
  ['one picture in three seconds', 40, 3000, [1, 4], [0.216, 3.24, 0.216], 1],
] as const)(
  'a camera with %s at night: no rule is broken, and one break at most',
  async ([, nightS, intervalMs, targets, partTargets, breaks]) => {
    const logged = await watch([
      [10, 40],
      [nightS, intervalMs],
      [targets.length > 1 ? 45 : 14, 40],
    ]);
    expect(logged.violations).toEqual([]);
    expect(logged.targetsS).toEqual(targets);
    expect(logged.partTargetsS).toEqual(partTargets);
    expect([logged.breaks, logged.keysAsked]).toEqual([breaks, breaks]);
  },
);

test('a late picture is reported with its part while that is listed', async () => {
  const logged = await watch([
    [10, 40],
    [0.04, 600],
    [10, 40],
  ]);
  expect(logged.violations).toEqual([]);
  expect(logged.partTargetsS).toEqual([0.216, 0.648, 0.216]);
});
