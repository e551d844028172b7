import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { lastCaller, url } from '../../../test/support/cameras/rtsp-run.ts';
import {
  rtpFrame,
  type ScriptedCamera,
  scriptedCamera,
  soundPackets,
} from '../../../test/support/cameras/scripted-camera.ts';
import { silentLogger } from '../../base/log.ts';
import type { Track } from '../../media/sample/track.ts';
import { type Reader, Stream } from '../../stream/stream.ts';
import { RtspSource } from './client.ts';

const ROUND_MS = 97;
const SHORT_ROUND_MS = 41;
const SETTLED_MS = 10_500;

/** A camera, pulled for one reader alone. */
class Pull {
  readonly clock = new FakeClock();
  readonly camera: ScriptedCamera;
  /** Samples of the reader. */
  count = 0;
  stream: Stream | undefined;
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;

  constructor(camera: ScriptedCamera, toleratedDelayMs = 100) {
    this.camera = camera;
    const source = new RtspSource(
      { name: 'garden', url: url(camera), readTimeoutMs: 60_000 },
      this.clock,
      silentLogger,
    );
    const publish = (tracks: readonly Track[]) => {
      this.stream = new Stream(tracks);
      this.stream.addReader({ ...this.#reader(), toleratedDelayMs }, false);
      return this.stream;
    };
    this.#over = source.run({ publish }, this.#stop.signal);
  }

  /** A viewer comes. */
  addViewer(): void {
    this.stream?.addReader({ ...this.#reader(), onSample: () => {} }, false);
  }

  /** The camera sends; resolves when a socket that is read has delivered it. */
  async send(...packets: readonly Uint8Array[]): Promise<void> {
    const caller = lastCaller(this.camera);
    // Nagle's algorithm would wait for an acknowledgement, which the kernel delays.
    caller.socket.setNoDelay(true);
    caller.send(...packets);
    for (let turn = 0; turn < 20; turn += 1) {
      await this.clock.advance(0);
    }
  }

  async counted(count: number): Promise<void> {
    while (this.count < count) {
      await this.clock.advance(0);
    }
  }

  #reader(): Reader {
    return {
      id: 'test',
      onSample: () => {
        this.count += 1;
      },
      onTrack: () => {},
      onEnd: () => {},
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
    await this.camera[Symbol.asyncDispose]();
  }
}

/** The camera has been pulled for so long that its reads may wait. */
async function recorded(toleratedDelayMs?: number): Promise<Pull> {
  const pull = new Pull(await scriptedCamera(() => undefined), toleratedDelayMs);
  await pull.counted(5);
  await pull.clock.advance(SETTLED_MS);
  return pull;
}

test('what a recorded camera sends within a round is read in one go at its end', async () => {
  await using pull = await recorded();
  await pull.send(...soundPackets(5, 1));
  expect(pull.count).toBe(6);
  await pull.send(...soundPackets(6, 1));
  await pull.send(...soundPackets(7, 2));
  expect(pull.count).toBe(6);
  await pull.clock.advance(ROUND_MS);
  await pull.counted(9);
  expect(pull.count).toBe(9);
});

test('a reader that tolerates 50 ms waits 41 ms at most', async () => {
  await using pull = await recorded(50);
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 1));
  expect(pull.count).toBe(6);
  await pull.clock.advance(SHORT_ROUND_MS);
  await pull.counted(7);
  await pull.send(...soundPackets(7, 1));
  expect(pull.count).toBe(7);
});

test('a reader that tolerates less than the shortest round is given every packet at once', async () => {
  await using pull = await recorded(40);
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 1));
  expect(pull.count).toBe(7);
});

test('a camera that has been playing for less than ten seconds is read at once', async () => {
  await using pull = new Pull(await scriptedCamera(() => undefined));
  await pull.counted(5);
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 1));
  expect(pull.count).toBe(7);
});

test('a new viewer gets what has arrived at once, and every packet from then on', async () => {
  await using pull = await recorded();
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 1));
  expect(pull.count).toBe(6);
  pull.addViewer();
  await pull.counted(7);
  await pull.send(...soundPackets(7, 1));
  await pull.send(...soundPackets(8, 1));
  expect(pull.count).toBe(9);
});

test('a camera whose times come from arrival is read at once', async () => {
  await using pull = await recorded();
  const payload = new Uint8Array(160).fill(0xff);
  await pull.send(...soundPackets(5, 1), rtpFrame(0, payload, { sequence: 6, ticks: 5 * 160 }));
  await pull.clock.advance(600);
  const before = pull.count;
  await pull.send(...soundPackets(7, 1));
  await pull.send(...soundPackets(8, 1));
  await pull.send(...soundPackets(9, 1));
  expect(pull.count).toBe(before + 3);
});

test('a camera that repeated a timestamp once is read in rounds again after 200 samples', async () => {
  await using pull = await recorded();
  const payload = new Uint8Array(160).fill(0xff);
  await pull.send(...soundPackets(5, 1), rtpFrame(0, payload, { sequence: 6, ticks: 5 * 160 }));
  await pull.clock.advance(600);
  await pull.send(...soundPackets(7, 200));
  await pull.clock.advance(600);
  await pull.send(...soundPackets(207, 1));
  const before = pull.count;
  await pull.send(...soundPackets(208, 1));
  expect(pull.count).toBe(before);
});

test('packets beyond one read do not wait for the next round', async () => {
  await using pull = await recorded();
  const count = Math.ceil((100 << 10) / 176);
  await pull.send(...soundPackets(5, count));
  expect(pull.count).toBe(5 + count);
});
