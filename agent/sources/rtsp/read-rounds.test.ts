// @also without-ffi

import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { describeInRounds } from '../../../test/support/base/native-tests.ts';
import { lastCaller, url } from '../../../test/support/cameras/rtsp-run.ts';
import {
  rtpFrame,
  type ScriptedCamera,
  scriptedCamera,
  soundPackets,
} from '../../../test/support/cameras/scripted-camera.ts';
import { soundFrom, type UdpCamera, udpCamera } from '../../../test/support/cameras/udp-camera.ts';
import { silentLogger } from '../../base/log.ts';
import { writeBye } from '../../media/rtcp/write.ts';
import type { Track } from '../../media/sample/track.ts';
import { type Reader, Stream } from '../../stream/stream.ts';
import { RtspSource } from './client.ts';

const FRAME_HEADER_BYTES = 4;
const ROUND_MS = 97;
const SHORT_ROUND_MS = 41;
const SETTLED_MS = 10_500;

/** A camera, pulled for one reader alone. */
class Pull {
  readonly clock = new FakeClock();
  readonly camera: ScriptedCamera;
  /** Undefined: the camera sends within the connection. */
  readonly udp: UdpCamera | undefined;
  /** Samples of the reader. */
  count = 0;
  stream: Stream | undefined;
  readonly #stop = new AbortController();
  /** Settles at the end of the source, with the reason. */
  readonly ended: Promise<unknown>;

  constructor(camera: ScriptedCamera, toleratedDelayMs = 100, udp?: UdpCamera) {
    this.camera = camera;
    this.udp = udp;
    const rtspTransport = udp ? 'udp' : 'automatic';
    const options = { name: 'garden', url: url(camera), readTimeoutMs: 60_000, rtspTransport } as const;
    const source = new RtspSource(options, this.clock, silentLogger);
    const publish = (tracks: readonly Track[]) => {
      this.stream = new Stream(tracks);
      this.stream.addReader({ ...this.#reader(), toleratedDelayMs }, false);
      return this.stream;
    };
    this.ended = source.run({ publish }, this.#stop.signal).catch((cause: unknown) => cause);
  }

  /** A viewer joins. */
  addViewer(): void {
    this.stream?.addReader({ ...this.#reader(), onSample: () => {} }, false);
  }

  /** The camera sends; resolves when a socket that is read has delivered it. */
  async send(...packets: readonly Uint8Array[]): Promise<void> {
    const caller = lastCaller(this.camera);
    if (this.udp) {
      this.udp.send(...packets.map((frame) => frame.subarray(FRAME_HEADER_BYTES)));
    } else {
      // Nagle's algorithm would wait for an acknowledgement, which the kernel delays.
      caller.socket.setNoDelay(true);
      caller.send(...packets);
    }
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
    await this.ended;
    await this.camera[Symbol.asyncDispose]();
    await this.udp?.[Symbol.asyncDispose]();
  }
}

/** The camera has been pulled for long enough that its reads may wait. */
async function recorded(toleratedDelayMs?: number): Promise<Pull> {
  const pull = new Pull(await scriptedCamera(() => undefined), toleratedDelayMs);
  await pull.counted(5);
  await pull.clock.advance(SETTLED_MS);
  return pull;
}

/** As `recorded`, over UDP. */
async function recordedOverUdp(): Promise<Pull> {
  const udp = await udpCamera();
  const pull = new Pull(await scriptedCamera(udp.script(soundFrom(0, 5))), 100, udp);
  await pull.counted(5);
  await pull.clock.advance(SETTLED_MS);
  return pull;
}

await describeInRounds('over UDP', () => {
  test('what a recorded camera sends within a round is read in one go at its end', async () => {
    await using pull = await recordedOverUdp();
    await pull.send(...soundPackets(5, 1));
    expect(pull.count).toBe(6);
    await pull.send(...soundPackets(6, 1));
    await pull.send(...soundPackets(7, 2));
    expect(pull.count).toBe(6);
    await pull.clock.advance(ROUND_MS);
    expect(pull.count).toBe(9);
  });

  test('a new viewer gets what has arrived at once, and every packet from then on', async () => {
    await using pull = await recordedOverUdp();
    await pull.send(...soundPackets(5, 1));
    await pull.send(...soundPackets(6, 1));
    expect(pull.count).toBe(6);
    pull.addViewer();
    expect(pull.count).toBe(7);
    await pull.send(...soundPackets(7, 1));
    await pull.send(...soundPackets(8, 1));
    expect(pull.count).toBe(9);
  });

  test('the last packets before BYE are not lost', async () => {
    await using pull = await recordedOverUdp();
    await pull.send(...soundPackets(5, 1));
    await pull.send(...soundPackets(6, 2));
    expect(pull.count).toBe(6);
    pull.udp?.sendControl(writeBye(1));
    await pull.counted(8);
  });

  test('the last packets before the end of the connection are not lost', async () => {
    await using pull = await recordedOverUdp();
    await pull.send(...soundPackets(5, 1));
    await pull.send(...soundPackets(6, 2));
    expect(pull.count).toBe(6);
    lastCaller(pull.camera).socket.destroy();
    await pull.counted(8);
  });
});

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

test('every later round reads what has arrived, also after one with nothing', async () => {
  await using pull = await recorded();
  await pull.send(...soundPackets(5, 1));
  for (const [round, count] of [2, 0, 3, 0, 0, 400, 1].entries()) {
    const before = pull.count;
    await pull.send(...soundPackets(6 + 1_000 * round, count));
    await pull.clock.advance(ROUND_MS);
    await pull.counted(before + count);
    expect(pull.count).toBe(before + count);
  }
});

/** Advances by rounds until the connection ends. */
async function causeOf(pull: Pull): Promise<unknown> {
  let cause: unknown;
  void pull.ended.then((ended) => {
    cause = ended;
  });
  while (cause === undefined) {
    await pull.clock.advance(ROUND_MS);
  }
  return cause;
}

test('a camera that closes its connection within a round has ended after it, with all that it has sent', async () => {
  await using pull = await recorded();
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 3));
  lastCaller(pull.camera).socket.destroy();
  expect(await causeOf(pull)).toMatchObject({ code: 'unavailable' });
  expect(pull.count).toBe(9);
});

test('a camera that resets its connection within a round has broken it', async () => {
  await using pull = await recorded();
  await pull.send(...soundPackets(5, 1));
  await pull.send(...soundPackets(6, 1));
  lastCaller(pull.camera).socket.resetAndDestroy();
  expect(await causeOf(pull)).toMatchObject({ code: 'unavailable', context: { errno: 'ECONNRESET' } });
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
