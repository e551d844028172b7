import { expect, test } from 'vitest';
import {
  expectPictures,
  framesOf,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import type { Caller, Script } from '../../../test/support/cameras/scripted-camera.ts';
import type { RtspRequest } from '../../media/rtsp/message.ts';

const FRAMES = framesOf(packetsOf());
const NO_RTP = framesOf(packetsOf(PICTURES.slice(1)), 6);

/** Header lines that every reply needs. */
function linesOf(request: RtspRequest): string[] {
  const lines = [`CSeq: ${request.headers.get('CSeq')}`];
  if (request.method === 'SETUP') {
    lines.push('Session: 4711;timeout=60', `Transport: ${request.headers.get('Transport')}`);
  } else if (request.method === 'DESCRIBE') {
    lines.push('Content-Type: application/sdp', `Content-Length: ${PICTURE_SDP.length}`);
  } else if (request.method === 'OPTIONS') {
    lines.push('Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER');
  }
  return lines;
}

/** A camera whose replies are made by `write` from first line and header lines. */
const writing =
  (write: (lines: readonly string[], request: RtspRequest) => string): Script =>
  (request, caller) => {
    const body = request.method === 'DESCRIBE' ? PICTURE_SDP : '';
    caller.send(write(['RTSP/1.0 200 OK', ...linesOf(request)], request) + body);
    if (request.method === 'PLAY') {
      caller.send(...FRAMES);
    }
    return true;
  };
const joined = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const withNumber = (number: (cseq: number) => string) =>
  writing((lines) => joined(lines.map((line) => line.replace(/^CSeq: (\d+)$/, (_, cseq) => number(Number(cseq))))));

/** A camera that runs a script instead of its reply to `method`. */
const at =
  (method: string, act: (caller: Caller, request: RtspRequest) => void): Script =>
  (request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    act(caller, request);
    return true;
  };

test.for<[quirk: string, Script]>([
  ['blanks at the ends of header lines (Longse)', writing((lines) => `${lines.join('  \t\r\n')} \r\n\r\n`)],
  ['line feeds alone', writing((lines) => `${lines.join('\n')}\n\n`)],
  ['header names in lower case', writing(([first = '', ...rest]) => joined([first, ...rest.map(lowerName)]))],
  ['no blank after the colons', writing((lines) => joined(lines.map((line) => line.replace(': ', ':'))))],
  ['no words after the status', writing(([, ...rest]) => joined(['RTSP/1.0 200', ...rest]))],
  ['header lines without a colon', writing((lines) => joined([...lines, 'nonsense', ':', ': x']))],
  ['no Content-Type on the description', writing((lines) => joined(lines.filter((line) => !/^Content-T/.test(line))))],
  ['no numbers on its replies', withNumber(() => 'X-CSeq: gone')],
  ['zero for a number on every reply', withNumber(() => 'CSeq: 0')],
  ['numbers of its own on its replies', withNumber((cseq) => `CSeq: ${cseq + 1000}`)],
  ['no Transport in its reply to SETUP', writing((lines) => joined(lines.filter((line) => !/^Transport/.test(line))))],
  ['garbage before each message', writing((lines) => `\x01\x02junk\xff\x00${joined(lines)}`)],
  ['empty lines before each message', writing((lines) => `\r\n\r\n${joined(lines)}`)],
  [
    '100 Continue before each reply',
    writing((lines) => joined(['RTSP/1.0 100 Continue', `${lines[1]}`]) + joined(lines)),
  ],
  ['OPTIONS refused', at('OPTIONS', (caller, request) => caller.reply(request, 501))],
])('video of a camera with %s', async ([, script]) => {
  await using camera = await pictureCamera(script);
  await using run = new Run(url(camera));
  await expectPictures(run);
});

const lowerName = (line: string) => line.replace(/^[^:]+/, (name) => name.toLowerCase());

test.for<[quirk: string, (Uint8Array | string)[]]>([
  ['empty lines before each frame', FRAMES.flatMap((frame) => ['\r\n', frame])],
  ['junk between frames', FRAMES.flatMap((frame) => [frame, 'JUNK\x01\x02'])],
  ['junk that begins like frames', FRAMES.flatMap((frame) => [frame, '\x00$\x00\x00\x01$', 'x$$$$\x03'])],
  ['data on channels that were not negotiated', FRAMES.flatMap((frame) => [...NO_RTP, frame])],
  ['frames without anything in them', FRAMES.flatMap((frame) => ['$\x00\x00\x00', frame, '$\x01\x00\x00'])],
  ['answers to nothing between frames', FRAMES.flatMap((frame) => ['RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n', frame])],
])('video of a camera that sends %s', async ([, frames]) => {
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test('video of a camera that sends RTP before it answers PLAY (v4l2rtspserver)', async () => {
  await using camera = await pictureCamera(
    at('PLAY', (caller, request) => {
      caller.send(...FRAMES.slice(0, 3));
      caller.reply(request, 200);
      caller.send(...FRAMES.slice(3));
    }),
  );
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test('video of a camera that sends its bytes one by one', async () => {
  await using camera = await pictureCamera(
    at('PLAY', (caller, request) => {
      caller.reply(request, 200);
      for (const byte of Buffer.concat(framesOf(packetsOf(PICTURES.slice(0, 2), 0, 400)))) {
        caller.socket.write(Uint8Array.of(byte));
      }
    }),
  );
  await using run = new Run(url(camera));
  await expectPictures(run, PICTURES.slice(0, 1));
});

test.for([
  ['OPTIONS', 200],
  ['GET_PARAMETER', 200],
  ['SET_PARAMETER', 200],
  ['ANNOUNCE', 501],
  ['REDIRECT', 501],
  ['EJECT', 501],
  ['PARAMETER', 501],
] as const)('%s from the camera during the stream is answered with %d', async ([method, status]) => {
  const question = `${method} rtsp://127.0.0.1/live RTSP/1.0\r\nCSeq: 77\r\nSession: 4711\r\nContent-Length: 4\r\n\r\nv=0\n`;
  await using camera = await pictureCamera(undefined, { frames: FRAMES.flatMap((frame) => [question, frame]) });
  await using run = new Run(url(camera));
  await expectPictures(run);
  const { replies } = lastCaller(camera);
  await camera.until(() => replies.length === FRAMES.length);
  expect(new Set(replies.map((reply) => reply.kind === 'response' && reply.status))).toEqual(new Set([status]));
  expect(replies[0]?.headers.get('CSeq')).toBe('77');
});

test('a request without CSeq is answered', async () => {
  await using camera = await pictureCamera(undefined, { frames: ['OPTIONS * RTSP/1.0\r\n\r\n', ...FRAMES] });
  await using run = new Run(url(camera));
  await expectPictures(run);
  await camera.until(() => lastCaller(camera).replies.length === 1);
});

test.for<[quirk: string, reply: string, reason: RegExp]>([
  [
    'a head without end',
    `RTSP/1.0 200 OK\r\n${'X-Filler: 1\r\n'.repeat(5000)}`,
    /RTSP head beyond 8192 bytes in a line/,
  ],
  ['a line without end', `RTSP/1.0 200 OK\r\nX: ${'1'.repeat(9000)}`, /RTSP head beyond 8192 bytes in a line/],
  ['a body beyond all limits', 'RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n', /at most 131072 allowed/],
  ['a negative body', 'RTSP/1.0 200 OK\r\nContent-Length: -4\r\n\r\n', /Content-Length '-4'/],
  ['a first line without status', 'RTSP/1.0 fine\r\n\r\n', /'RTSP\/1.0 fine' is not the first line/],
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(50_000), /more than 1048576 bytes that are not RTSP/],
])('a camera that sends %s is rejected', async ([, reply, reason]) => {
  await using camera = await pictureCamera(at('OPTIONS', (caller) => caller.send(reply)));
  await using run = new Run(url(camera));
  expect(await run.failure()).toMatch(reason);
});
