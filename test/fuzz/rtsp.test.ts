import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { parseRtcp } from '../../agent/media/rtcp/parse.ts';
import { writeBye, writeReceiverReport, writeSenderReport } from '../../agent/media/rtcp/write.ts';
import { RtpHeader } from '../../agent/media/rtp/header.ts';
import { authorization, parseAuthorization, parseChallenges } from '../../agent/media/rtsp/digest.ts';
import { parseHttpHead } from '../../agent/media/rtsp/http-head.ts';
import { RtspFramer } from '../../agent/media/rtsp/interleaved.ts';
import { MAX_BODY_BYTES, MAX_HEADERS, parseHead, type RtspMessage } from '../../agent/media/rtsp/message.ts';
import { parseTransports, writeTransport } from '../../agent/media/rtsp/transport.ts';
import { parseSdp } from '../../agent/media/sdp/parse.ts';
import { parseAddress } from '../../agent/transports/rtsp/request/address.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import { framesOf, PICTURE_SDP, packetsOf } from '../support/cameras/picture-camera.ts';
import { hex } from '../support/media/units.ts';

/** A hundred times what a linear parser needs; one that goes back for each piece needs ten times more. */
const MAX_READ_MS = 3_000;

const times = (count: number): number => count * byLength(0.5, 10);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/**
 * `count` damaged copies of the seeds through `read`, which may throw PerchErrors and nothing else.
 * @returns how many were read, and how many refused
 */
function fuzz(
  seeds: readonly Uint8Array[],
  count: number,
  seed: number,
  read: (bytes: Uint8Array, next: () => number) => void,
) {
  const next = random(seed);
  const outcome = { read: 0, refused: 0 };
  for (let i = 0; i < count; i += 1) {
    const bytes = mutate(seeds[i % seeds.length] as Uint8Array, next);
    try {
      read(bytes, next);
      outcome.read += 1;
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw new Error(`damaged input ${i}: ${JSON.stringify(textOf(bytes))}`, { cause: error });
      }
      expect(error.message.length).toBeLessThan(300);
      outcome.refused += 1;
    }
  }
  return outcome;
}

const HEADS = [
  'RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 4711;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nContent-Length: 20\r\n\r\n',
  'SETUP rtsp://10.0.0.9:554/live/track1 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\nAuthorization: Digest username="a", realm="b"\r\n\r\n',
  'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n folded\r\nWWW-Authenticate: Basic realm="x"\r\nWWW-Authenticate: Digest realm="x", nonce="y"\r\n\r\n',
];

test('damaged message heads are parsed or rejected', () => {
  const outcome = fuzz(HEADS.map(bytesOf), times(15_000), 1, (bytes) => {
    const message = parseHead(bytes);
    expect(message.headers.fields.length).toBeLessThanOrEqual(MAX_HEADERS);
    message.headers.get('Session');
  });
  expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(1000);
});

test('damaged connections are split into frames and messages inside them, or rejected', () => {
  const body = `RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: ${PICTURE_SDP.length}\r\n\r\n${PICTURE_SDP}`;
  const frames = framesOf(packetsOf(undefined, 0, 300)).slice(0, 6);
  const parts = [
    bytesOf(HEADS[2] ?? ''),
    ...frames.slice(0, 3),
    bytesOf(body),
    ...frames.slice(3),
    bytesOf('\r\njunk'),
  ];
  const outcome = fuzz([Buffer.concat(parts)], times(6_000), 2, (bytes, next) => {
    let handedOn = 0;
    const framer = new RtspFramer({
      onFrame: (chunk, channel, start, end) => {
        expect(channel >= 0 && channel < 256 && start <= end && end <= chunk.length).toBe(true);
        handedOn += end - start;
      },
      onMessage: (message: RtspMessage) => {
        expect(message.body.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
        handedOn += message.body.length;
      },
    });
    for (let at = 0; at < bytes.length; ) {
      const to = Math.min(bytes.length, at + 1 + Math.floor(next() ** 3 * 1500));
      // A new chunk, as sockets refill their buffers.
      framer.push(bytes.slice(at, to), to - at);
      at = to;
    }
    expect(handedOn + framer.junkBytes).toBeLessThanOrEqual(bytes.length);
  });
  expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(20);
});

test('a framer buffers at most the largest unit, for any input', () => {
  const next = random(3);
  let largest = 0;
  const framer = new RtspFramer({
    onFrame: (chunk) => {
      largest = Math.max(largest, chunk.length);
    },
    onMessage: () => {},
  });
  const chunk = new Uint8Array(64 << 10);
  let refusals = 0;
  for (let i = 0; i < times(60); i += 1) {
    for (let at = 0; at < chunk.length; at += 1) {
      chunk[at] = next() < 0.01 ? 0x24 : Math.floor(next() * 256);
    }
    try {
      framer.push(chunk, chunk.length);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      refusals += 1;
    }
  }
  expect(refusals).toBeLessThan(times(60));
  // A frame has 64 kB at most, its header aside; what a buffer is grown by is less than its double.
  expect(largest).toBeLessThanOrEqual(4 * (64 << 10));
});

test('damaged Transport headers are read, and the result can be written', () => {
  const seeds = [
    'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=4D2;mode="PLAY"',
    'RTP/AVP;multicast;destination=239.0.0.1;port=5000-5001;ttl=16,RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=10.0.0.9',
    'RTP/SAVP/UDP;unicast;client_port=1',
  ];
  const outcome = fuzz(seeds.map(bytesOf), times(15_000), 4, (bytes) => {
    for (const transport of parseTransports(textOf(bytes))) {
      const { interleaved, clientPort, ttl } = transport;
      expect(Math.max(...(interleaved ?? [0]))).toBeLessThan(256);
      expect(Math.max(...(clientPort ?? [0]), ttl ?? 0)).toBeLessThan(65_536);
      writeTransport(transport);
    }
  });
  expect(outcome.refused).toBe(0);
});

test('damaged challenges are answered or left alone', () => {
  const seeds = [
    'Digest realm="cam", nonce="abc", opaque="x\\"y", algorithm=SHA-256, qop="auth,auth-int", stale=FALSE, Basic realm="cam"',
    'Basic realm="cam", Digest realm="", nonce="n", algorithm=MD5-sess',
  ];
  let answered = 0;
  const use = { method: 'OPTIONS', uri: 'rtsp://h/', clientNonce: 'c', count: 1 };
  const outcome = fuzz(seeds.map(bytesOf), times(12_000), 5, (bytes) => {
    for (const challenge of parseChallenges([textOf(bytes), textOf(bytes)])) {
      const header = authorization(challenge, { user: 'u', password: 'p' }, use, (_, text) => `${text.length}`);
      expect(header).toMatch(/^(?:Basic|Digest) /);
      answered += 1;
    }
  });
  expect(outcome.refused).toBe(0);
  expect(answered).toBeGreaterThan(1000);
});

test('damaged answers to challenges are read or undefined', () => {
  const digest =
    'Digest username="a", realm="r", nonce="n", uri="rtsp://h/", response="00ff", qop=auth, nc=00000001, cnonce="c"';
  const seeds = [digest, 'Basic YWRtaW46c2VjcmV0'];
  const outcome = fuzz(seeds.map(bytesOf), times(12_000), 6, (bytes) => {
    expect(['basic', 'digest', undefined]).toContain(parseAuthorization(textOf(bytes))?.scheme);
  });
  expect(outcome.refused).toBe(0);
});

test('damaged session descriptions are parsed or rejected', () => {
  const sound =
    'm=audio 0 RTP/AVP 97 8\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\na=fmtp:97 config=1210;mode=AAC-hbr\r\na=sendonly\r\na=control:2\r\n';
  const outcome = fuzz([bytesOf(PICTURE_SDP), bytesOf(PICTURE_SDP + sound)], times(12_000), 7, (bytes) => {
    const { medias } = parseSdp(textOf(bytes));
    for (const { payloadType, clockRate, channels } of medias.flatMap(({ formats }) => formats)) {
      expect(payloadType < 128 && clockRate > 0 && channels >= 1 && channels <= 8).toBe(true);
    }
  });
  expect(outcome.read).toBeGreaterThan(1000);
});

test('damaged URLs are parsed or rejected', () => {
  const seeds = [
    'rtsp://admin:p%40ss@[fe80::1]:554/live?x=1',
    'rtsps://10.0.0.9/',
    'rtsp+http://user:a#b@cam.local:80/live',
  ];
  const outcome = fuzz(seeds.map(bytesOf), times(12_000), 8, (bytes) => {
    const { port, host, uri } = parseAddress(textOf(bytes), 'garden');
    expect(port > 0 && port < 65_536 && host.length > 0 && uri.startsWith('rtsp')).toBe(true);
  });
  expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(500);
});

test('damaged HTTP heads are parsed or rejected', () => {
  const seeds = [
    'GET /live HTTP/1.0\r\nx-sessioncookie: abc\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  ];
  const outcome = fuzz(seeds.map(bytesOf), times(10_000), 9, (bytes) => {
    expect(parseHttpHead(bytes).headers.fields.length).toBeLessThanOrEqual(MAX_HEADERS);
  });
  expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(500);
});

test('damaged RTP packets have their payload inside, or are rejected', () => {
  const header = new RtpHeader();
  const seeds = [
    '80e00001 00000064 11223344 aabb',
    'b2600001 00000064 11223344 00000001 00000002 bede0001 00000000 aabb 000003',
  ];
  const outcome = fuzz(seeds.map(hex), times(20_000), 10, (bytes) => {
    header.parse(bytes, 0, bytes.length);
    expect(header.payloadStart >= 12 && header.payloadStart <= header.payloadEnd).toBe(true);
    expect(header.payloadEnd).toBeLessThanOrEqual(bytes.length);
  });
  expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(times(1_000));
});

test('damaged RTCP is read up to the damage, or rejected', () => {
  const report = { ssrc: 1, unixMs: 1.7e12, ticks: 9000, packets: 4, payloadBytes: 400 };
  const reception = {
    ssrc: 2,
    sourceSsrc: 1,
    fractionLost: 0.5,
    lost: 3,
    highest: 9,
    jitterTicks: 4,
    lastReport: 0,
    sinceLastReportMs: 0,
  };
  const seeds = [writeSenderReport(report, 'cam'), writeReceiverReport(reception, 'perch'), writeBye(1)];
  let heard = 0;
  const sink = {
    onSenderReport: () => {
      heard += 1;
    },
    onReceptionReport: () => {},
    onBye: () => {
      heard += 1;
    },
  };
  const outcome = fuzz([...seeds, Buffer.concat(seeds)], times(20_000), 11, (bytes) =>
    parseRtcp(bytes, 0, bytes.length, sink),
  );
  expect(Math.min(outcome.read, outcome.refused, heard)).toBeGreaterThan(times(1_000));
});

const LINE_SEPARATOR = '\u2028';

test.for<[what: string, read: (text: string) => unknown, piece: string]>([
  ['quotes without end in a challenge', (text) => parseChallenges([`Digest realm="${text}`]), '\\"'],
  ['words without end in a challenge', (text) => parseChallenges([text]), 'a ='],
  ['blanks in a first line', (text) => parseHead(bytesOf(`RTSP/1.0 200${text}\r\n\r\n`)), ' \t'],
  [
    'blanks before a line separator of Unicode',
    (text) => parseHead(bytesOf(`RTSP/1.0 200${text}a${LINE_SEPARATOR}b\r\n\r\n`)),
    ' ',
  ],
  ['semicolons in a transport', (text) => parseTransports(`RTP/AVP${text}`), ';='],
  ['semicolons in an fmtp', (text) => parseSdp(`m=video 0 RTP/AVP 96\r\na=fmtp:96 ${text}`), ';a='],
  ['formats of a media', (text) => parseSdp(`m=video 0 RTP/AVP${text}`), ' 96'],
  ['hosts in a URL', (text) => parseAddress(`rtsp://${text}h/`, 'garden'), 'a@:'],
])('200 kB of %s take no time that grows with their square', { timeout: MAX_READ_MS }, ([, read, piece]) => {
  const text = piece.repeat(200_000 / piece.length);
  try {
    expect(read(text)).toBeDefined();
  } catch (error) {
    expect(error).toBeInstanceOf(PerchError);
  }
});
