import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { RtspHarness } from '../../../test/support/harness/servers/rtsp-harness.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';

const ALAW: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const SDP = 'v=0\r\na=control:*\r\nm=audio 0 RTP/AVP 8\r\na=control:streamid=0\r\n';

/** A reader and a publisher, as lists of messages; `$` is replaced by the session. */
const CONVERSATIONS = [
  [
    'OPTIONS rtsp://127.0.0.1/cam?a=b RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: x\r\n\r\n',
    'DESCRIBE rtsp://127.0.0.1/cam?a=b RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\nAuthorization: Basic YTpi\r\n\r\n',
    'SETUP rtsp://127.0.0.1/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n',
    'SETUP rtsp://127.0.0.1/cam/trackID=1 RTSP/1.0\r\nCSeq: 4\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n\r\n',
    'PLAY rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 5\r\nRange: npt=0-\r\n\r\n',
    '$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x01',
    'PAUSE rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 6\r\n\r\n',
    'TEARDOWN rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 7\r\n\r\n',
  ],
  [
    `ANNOUNCE rtsp://127.0.0.1/studio RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`,
    'SETUP rtsp://127.0.0.1/studio/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n\r\n',
    'RECORD rtsp://127.0.0.1/studio RTSP/1.0\r\nCSeq: 3\r\n\r\n',
    '$\x00\x00\x0e\x80\x08\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\xd5\xd5',
    'GET_PARAMETER rtsp://127.0.0.1/studio RTSP/1.0\r\nCSeq: 4\r\n\r\n',
  ],
] as const;

test('a thousand damaged conversations are answered or ended, and leave nothing behind', async () => {
  await using box = await RtspHarness.open({ rtspAuthMethods: ['basic', 'digest'] });
  box.paths.streams.set('cam', new Stream([H264_TRACK, ALAW]));
  box.paths.waiting.add('studio');
  const next = random(3);
  const answers = new Map<number, number>();
  for (let i = 0; i < 1_000; i += 1) {
    const caller = await box.call();
    for (const part of CONVERSATIONS[i % CONVERSATIONS.length] ?? []) {
      const bytes = Buffer.from(part, 'latin1');
      for (let change = next() < 0.5 ? 0 : 1 + Math.floor(3 * next()); change > 0; change -= 1) {
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      }
      caller.socket.write(next() < 0.05 ? bytes.subarray(0, Math.floor(next() * bytes.length)) : bytes);
    }
    caller.socket.end();
    await caller.until(() => caller.hasEnded);
    for (const { status } of caller.replies) {
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  }
  expect(answers.get(500)).toBeUndefined();
  expect(answers.get(200)).toBeGreaterThan(700);
  expect([...answers.keys()].length).toBeGreaterThan(4);
  expect(box.log.filter((line) => line.includes('"level":50'))).toEqual([]);
  expect(box.server.rtsp.conns.list()).toEqual([]);
  expect(box.server.rtsp.sessions.list()).toEqual([]);
  expect(box.paths.streams.get('cam')?.readers).toEqual([]);
  expect(box.paths.publishers.size).toBe(0);
});
