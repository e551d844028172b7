import { expect, test } from 'vitest';
import { openLiveHarness, turns } from '../../../../test/support/harness/http/live-harness.ts';
import { feed } from '../../../../test/support/harness/servers/hls-harness.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { Stream } from '../../../stream/stream.ts';

test.for([
  ['the viewer is kicked', 'ended through the API'],
  ['the stream ends', "the stream on path 'cam' has ended"],
  ['the server closes', 'the server is shutting down'],
] as const)('a viewer of live fMP4 is two lines in the log; when %s the second says: %s', async ([what, reason]) => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const answer = await fetch(`${box.url}/cam/live.mp4`);
  const [session] = box.server.list();
  const viewer = { path: 'cam', session: session?.id, remote: session?.remoteAddr, protocol: 'mp4' };
  expect(box.logged).toEqual([['info', 'HLS viewer is connected', viewer]]);
  feed(stream, 1, 1);
  const sentBytes = box.server.list()[0]?.outboundBytes;
  if (what === 'the viewer is kicked') {
    box.server.kick(session?.id ?? '');
  } else if (what === 'the stream ends') {
    stream.close();
  } else {
    box.server.close();
  }
  await turns();
  expect(box.logged.slice(1)).toEqual([['info', 'HLS viewer has left', { ...viewer, reason, sentBytes }]]);
  await answer.body?.cancel();
});
