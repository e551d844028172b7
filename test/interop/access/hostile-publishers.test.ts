import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  type Handshake,
  parseHandshake,
  HANDSHAKE as TYPE,
  writeHandshake,
} from '../../../agent/transports/srt/endpoint/handshake.ts';
import { mainThread, pssMegabytes } from '../../bench/measure/proc.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { random } from '../../support/base/random.ts';
import {
  BEGUN_PICTURE,
  CHUNK_SIZE,
  CONNECT,
  HANDSHAKE,
  MANY_MESSAGES,
  opening,
} from '../../support/clients/rtmp-bytes.ts';
import { pull } from '../../support/clients/rtsp-pull.ts';

const LIMIT = { timeout: 120_000 };
/** Connections from each address. */
const CONNECTIONS = 250;
const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
const FLOOD_SECONDS = byLength(5, 60);
/** Garbage between two collections; without bounds it is gigabytes. */
const MAX_MORE_MEGABYTES = 300;
/** The attackers run on the same machine. */
const MAX_PAUSE_MS = 5_000;
const LOOK_EVERY_MS = 100;
/** As many as are sent in the short length. */
const DATAGRAMS = 10_000;
const NOTHING = Buffer.alloc(0);
const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000));

const USERS = `authInternalUsers:
  - user: cam
    pass: blue-heron
    permissions: [{ action: publish }, { action: read }]
  - user: any
    permissions: [{ action: read, path: watched }, { action: publish, path: live/open }, { action: api }]
`;

describeWith(['ffmpeg'], 'hostile publishers', () => {
  /** A box with a camera that is watched. */
  async function openBox() {
    const [srtPort, tsPort] = [await freeUdpPort(), await freeUdpPort()];
    const agent = await startAgent({
      config: `${USERS}paths:\n  all_others:\n  garbage:\n    source: udp+mpegts://127.0.0.1:${tsPort}\n`,
      listen: ({ rtmp }) => ({ srtAddress: `127.0.0.1:${srtPort}`, rtmpAddress: `:${rtmp}` }),
    });
    onTestFinished(() => agent[Symbol.asyncDispose]());
    await publish(agent, 'watched');
    await isReady(agent, 'watched');
    const viewer = await pull(agent.rtspUrl('watched'));
    onTestFinished(() => void viewer.destroy());
    return { agent, srtPort, tsPort, longestMs: pausesOf(viewer, agent.process.pid) };
  }

  /**
   * The longest time without media at a viewer. Of the time in which the box wants a processor, only what it gets counts: others have
   * the machine otherwise, and while they keep this process from looking, nothing counts.
   */
  function pausesOf(viewer: Socket, pid: number): () => number {
    let [before, pauseMs, longestMs] = [mainThread(pid), 0, 0];
    viewer.on('data', () => {
      pauseMs = 0;
    });
    const timer = setInterval(() => {
      const now = mainThread(pid);
      pauseMs += now.isRunnable ? Math.min(LOOK_EVERY_MS, now.cpuMs - before.cpuMs) : LOOK_EVERY_MS;
      longestMs = Math.max(longestMs, pauseMs);
      before = now;
    }, LOOK_EVERY_MS);
    onTestFinished(() => clearInterval(timer));
    return () => longestMs;
  }

  async function publish(agent: Agent, path: string): Promise<void> {
    const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/${path}?user=cam&pass=blue-heron`;
    const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy'];
    const running = startProcess('ffmpeg', [...input, '-f', 'flv', url]);
    onTestFinished(async () => {
      await running.stop('SIGKILL');
    });
  }

  const isReady = (agent: Agent, path: string) =>
    until(async () => {
      const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`).catch(() => ({ ready: false }));
      return ready || undefined;
    });

  /** A connection that is opened again when it is closed. */
  function insist(agent: Agent, localAddress: string, parts: readonly Buffer[], later = NOTHING): void {
    let isOver = false;
    let current: Socket | undefined;
    const open = () => {
      if (isOver) {
        return;
      }
      const socket = connect({ port: agent.ports.rtmp, host: '127.0.0.1', localAddress });
      current = socket;
      socket.on('error', () => {});
      socket.once('connect', () => socket.write(Buffer.concat(parts)));
      if (later.length === 0) {
        // Reads nothing.
        socket.pause();
      }
      // The answer to publish: what is larger than a command is taken from now on.
      socket.on('data', (answer: Buffer) => answer.includes('NetStream.Publish.Start') && socket.write(later));
      socket.once('close', () => setTimeout(open, 500));
    };
    open();
    onTestFinished(() => {
      isOver = true;
      current?.destroy();
    });
  }

  /** Made before the attack: this process is the viewer, too. */
  function datagrams(seed: number, length: number, shape: (bytes: Buffer) => Uint8Array): readonly Uint8Array[] {
    const next = random(seed);
    return Array.from({ length: DATAGRAMS }, () =>
      shape(Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)))),
    );
  }

  /** Sends these in turn until the test's end. */
  async function flood(port: number, bytes: readonly Uint8Array[]): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    let sent = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < 20; i += 1) {
        socket.send(bytes[sent % bytes.length] ?? NOTHING, port, '127.0.0.1');
        sent += 1;
      }
    }, 10);
    onTestFinished(() => {
      clearInterval(timer);
      socket.close();
    });
  }

  test('before the login cost bounded memory, and others publish and watch', LIMIT, async () => {
    const { agent, srtPort, longestMs } = await openBox();
    const before = pssMegabytes(agent.process.pid);
    const attacks = [
      [HANDSHAKE, CONNECT, CHUNK_SIZE, MANY_MESSAGES],
      [HANDSHAKE, CONNECT, CHUNK_SIZE, MANY_MESSAGES.subarray(0, 31 << 10)],
      [HANDSHAKE.subarray(0, 2_000)],
      opening('publish', 'secret?user=cam&pass=wrong'),
    ];
    for (const [i, address] of ADDRESSES.entries()) {
      for (let n = 0; n < CONNECTIONS; n += 1) {
        insist(agent, address, attacks[(i + n) % attacks.length] ?? []);
      }
    }
    await flood(
      srtPort,
      datagrams(9, 1_316, (bytes) => bytes),
    );
    await floodOfCallers(srtPort);
    let most = 0;
    for (let second = 0; second < FLOOD_SECONDS; second += 1) {
      await seconds(1);
      most = Math.max(most, pssMegabytes(agent.process.pid));
    }
    await publish(agent, 'late');
    await isReady(agent, 'late');
    expect(most - before).toBeLessThan(MAX_MORE_MEGABYTES);
    expect(longestMs()).toBeLessThan(MAX_PAUSE_MS);
    expect(agent.process.output()).not.toMatch(/ERR|fault/);
  });

  /** SRT callers with valid cookies and a wrong password, each with a socket of its own. */
  async function floodOfCallers(port: number): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const plain: Handshake = {
      ...{ version: 4, encryption: 0, extensionField: 2, initialSequence: 5, mtuBytes: 1500, flowWindow: 8192 },
      ...{ type: TYPE.induction, socketId: 77, cookie: 0, peerAddress: new Uint8Array(16) },
    };
    socket.send(writeHandshake(plain, { timestamp: 0, destination: 0 }), port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    const { cookie } = parseHandshake(answer);
    let socketId = 1_000;
    const timer = setInterval(() => {
      for (let i = 0; i < 5; i += 1) {
        socketId += 1;
        const conclusion: Handshake = {
          ...{ ...plain, version: 5, extensionField: 1, type: TYPE.conclusion, cookie, socketId },
          capabilities: { version: 0x010501, flags: 0xbf, receiverDelayMs: 20, senderDelayMs: 20 },
          streamId: 'publish:secret:cam:wrong',
        };
        socket.send(writeHandshake(conclusion, { timestamp: 0, destination: 0 }), port, '127.0.0.1');
      }
    }, 10);
    onTestFinished(() => {
      clearInterval(timer);
      socket.close();
    });
  }

  test('after the login lose their own connection only', LIMIT, async () => {
    const { agent, tsPort, longestMs } = await openBox();
    const next = random(11);
    const garbage = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
    const publishing = opening('publish', 'open');
    for (let round = 0; round < byLength(20, 300); round += 1) {
      const endings = [[BEGUN_PICTURE], [garbage(5_000)], [BEGUN_PICTURE, garbage(2_000)]];
      insist(agent, ADDRESSES[0] ?? '', publishing, Buffer.concat(endings[round % endings.length] ?? []));
    }
    // Transport packets with the sync byte, and garbage after it.
    await flood(
      tsPort,
      datagrams(12, 7 * 188, (bytes) => bytes.map((byte, i) => (i % 188 === 0 ? 0x47 : byte))),
    );
    await seconds(FLOOD_SECONDS);
    expect(longestMs()).toBeLessThan(MAX_PAUSE_MS);
    expect((await ffprobe(agent.rtspUrl('watched'), ['-rtsp_transport', 'tcp'])).streams).toHaveLength(2);
    expect(agent.process.output()).not.toMatch(/ERR|fault/);
  });
});
