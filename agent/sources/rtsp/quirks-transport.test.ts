// @also without-ffi in long

import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { certificate, channelFront, passOn } from '../../../test/support/cameras/channel-front.ts';
import {
  expectPictures,
  framesOf,
  PICTURE_SDP,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';

const answering =
  (method: string, ...headers: HeaderField[]): Script =>
  (request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    caller.reply(request, 200, [['Session', '4711'], ...headers]);
    return true;
  };
const setup = (transport: string) => answering('SETUP', ['Transport', transport]);

test.for<[quirk: string, transport: string, channel: number]>([
  ['other channels than those asked for', 'RTP/AVP/TCP;unicast;interleaved=6-7', 6],
  ['a single channel without its second', 'RTP/AVP/TCP;unicast;interleaved=4', 4],
  ['a channel above 127', 'RTP/AVP/TCP;unicast;interleaved=254-255', 254],
  ['the second channel below the first', 'RTP/AVP/TCP;unicast;interleaved=3-2', 3],
  ['RTP/AVP where TCP is meant (Escam Q6)', 'RTP/AVP;unicast;interleaved=0-1', 0],
  ['RTP/AVP and no channels at all', 'RTP/AVP;unicast', 0],
  ['RTP/AVP/TCP and no channels at all', 'RTP/AVP/TCP;unicast', 0],
  ['the SSRC before everything else', 'RTP/AVP/TCP;ssrc=4D2;interleaved=0-1;unicast', 0],
  ['an SSRC that is filled up with blanks (Hikvision)', 'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=     4d2', 0],
  ['an SSRC of twelve digits', 'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000000004d2', 0],
  ['an SSRC that its packets do not have', 'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=DEADBEEF', 0],
  ['an SSRC that is not hexadecimal', 'RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=camera', 0],
  [
    'host names for source and destination',
    'RTP/AVP/TCP;unicast;source=cam.local;destination=viewer;interleaved=0-1',
    0,
  ],
  ['ports next to its channels', 'RTP/AVP/TCP;unicast;client_port=5000-5001;server_port=6000;interleaved=0-1', 0],
  ['words and blanks of its own', 'RTP/AVP/TCP ; unicast ; interleaved = 0-1 ; mode="PLAY" ; x ; =;', 0],
  ['lower case', 'rtp/avp/tcp;unicast;interleaved=0-1', 0],
  ['two alternatives', 'RTP/AVP/TCP;unicast;interleaved=2-3,RTP/AVP;unicast', 2],
])('video of a camera that answers SETUP with %s', async ([, transport, channel]) => {
  await using camera = await pictureCamera(setup(transport), { frames: framesOf(packetsOf(), channel) });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  await expectPictures(run);
});

test.for<[quirk: string, rtpInfo: string]>([
  ['a semicolon behind it (Laureii)', 'url=rtsp://127.0.0.1/live/track1;seq=0;rtptime=0;'],
  ['a time that cannot be read (OMNY)', 'url=rtsp://127.0.0.1/live/track1;seq=1;rtptime=-17179869'],
  [
    'a sequence that is not true: 0 (Hikvision DS-2CD2032-I)',
    'url=rtsp://127.0.0.1/live/track1;seq=0;rtptime=3000000000',
  ],
  ['a sequence that is not true: 1 (Tapo C320WS)', 'url=rtsp://127.0.0.1/live/track1;seq=1'],
  ['nothing in it', ''],
  ['a list of nothing', ',,;;='],
  ['another track', 'url=rtsp://10.0.0.1/other;seq=9;rtptime=9,url=trackID=99;seq=4'],
])('video of a camera whose RTP-Info has %s', async ([, rtpInfo]) => {
  const frames = framesOf(packetsOf().map((packet, i) => ({ ...packet, sequence: 4000 + i })));
  await using camera = await pictureCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200, [['RTP-Info', rtpInfo]]);
    caller.send(...frames);
    return true;
  });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(run.samples[0]?.sample.pts).toBe(0);
});

test.for(['with', 'before'])('pictures that arrive %s the reply to SETUP are kept until PLAY', async (place) => {
  const frames = framesOf(packetsOf());
  const answer = setup('RTP/AVP/TCP;unicast;interleaved=0-1');
  const sendEarly: Script = (request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    // In one piece.
    caller.socket.cork();
    if (place === 'before') {
      caller.send(...frames);
    }
    answer(request, caller);
    if (place === 'with') {
      caller.send(...frames);
    }
    caller.socket.uncork();
    return true;
  };
  await using camera = await pictureCamera(sendEarly, { frames: [] });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  await expectPictures(run);
});

/** URLs of SETUP and PLAY for a Content-Base and a control. */
async function asked(path: string, contentBase: string | undefined, control: string): Promise<string[]> {
  const sdp = PICTURE_SDP.replace('a=control:track1', () => (control === '' ? 'a=x' : `a=control:${control}`));
  await using camera = await pictureCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    const headers: HeaderField[] = contentBase === undefined ? [] : [['Content-Base', contentBase]];
    caller.reply(request, 200, headers, sdp);
    return true;
  });
  await using run = new Run(url(camera, path));
  await expectPictures(run);
  const own = `rtsp://127.0.0.1:${camera.port}`;
  const { requests } = lastCaller(camera);
  return requests.filter(({ method }) => /SETUP|PLAY/.test(method)).map(({ uri }) => uri.replace(own, 'camera:'));
}

test.for<[quirk: string, contentBase: string | undefined, base: string]>([
  ['none', undefined, '/live'],
  ['an empty one', '', '/live'],
  ['the right one', 'rtsp://127.0.0.1/live/', '/live/'],
  ['one without a scheme', '127.0.0.1:554/live/', '/live/'],
  ['one without a host', '/live/', '/live/'],
  ['a doubled scheme', 'rtsp://rtsp://127.0.0.1/live/', '/live/'],
  ['an address in IPv6 without brackets', '::ffff:192.168.1.9/live/', '/live/'],
  ['an address in IPv6 without brackets, behind a scheme', 'rtsp://::ffff:192.168.1.9/live/', '/live/'],
  ['a host name in place of the address', 'rtsp://camera.local/live/', '/live/'],
  ['the address of its other network', 'rtsp://10.255.255.1:8554/live/', '/live/'],
  ['blanks and quotes around it', ' "rtsp://127.0.0.1/live/" ', '/live/'],
  ['a password in it', 'rtsp://admin:secret@127.0.0.1/live/', '/live/'],
  ['another path than was asked for', 'rtsp://127.0.0.1/stream0/', '/stream0/'],
  ['a query', 'rtsp://127.0.0.1/live?channel=1&subtype=0', '/live?channel=1&subtype=0'],
  ['a host alone', 'rtsp://127.0.0.1', '/'],
])('Content-Base of a camera: %s', async ([, contentBase, base]) => {
  expect(await asked('/live', contentBase, 'track1')).toEqual([
    `camera:${base.replace(/\/$/, '')}/track1`,
    `camera:${base}`,
  ]);
});

test.for<[quirk: string, control: string, uri: string]>([
  ['relative', 'trackID=1', '/live/trackID=1'],
  ['with a leading slash', '/trackID=1', '/live/trackID=1'],
  ['with the whole path behind a leading slash', '/live/trackID=1', '/live/trackID=1'],
  ['absolute', 'rtsp://127.0.0.1/live/trackID=1', '/live/trackID=1'],
  ['absolute, with another address', 'rtsp://10.255.255.1:8554/live/trackID=1', '/live/trackID=1'],
  ['absolute, with a host name', 'rtsp://camera/live/trackID=1', '/live/trackID=1'],
  ['a query', '?track=1', '/live?track=1'],
  ['absent', '', '/live'],
  ['a star', '*', '/live'],
])('control of a track: %s', async ([, control, uri]) => {
  expect(await asked('/live', undefined, control)).toEqual([`camera:${uri}`, 'camera:/live']);
});

test('a control URL that is not found below the base is joined by RFC 3986', async () => {
  await using camera = await pictureCamera((request, caller) => {
    if (request.method !== 'SETUP' || new URL(request.uri).pathname === '/track1') {
      return undefined;
    }
    caller.reply(request, 404);
    return true;
  });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test.for<[quirk: string, status: number, reason: string]>([
  [
    'has no room for another connection',
    453,
    "camera has no room for another connection (453): close other viewers of path 'garden'",
  ],
  ['forbids it', 403, "camera forbids this user to watch (403): check the permissions of the user of path 'garden'"],
  ['is still starting', 503, "camera is busy or still starting (503), path 'garden'"],
  ['does not know its own track', 404, "camera has no stream at this address (404): check the URL of path 'garden'"],
])('a camera that %s at SETUP is reported with the reason', async ([, status, reason]) => {
  await using camera = await pictureCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, status);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(reason);
});

test('a camera that encrypts its media is rejected', async () => {
  await using camera = await pictureCamera(setup('RTP/SAVP/TCP;unicast;interleaved=0-1'));
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  expect(await run.failure()).toMatch(/encrypt/);
});

test.for(['udp', 'multicast'] as const)(
  'over rtsps:// a camera that encrypts only its video by SRTP sends all tracks within TLS, with rtspTransport %s',
  async (rtspTransport) => {
    const sound = 'm=audio 0 RTP/AVP 0\r\na=control:sound\r\n';
    const sdp = PICTURE_SDP.replace(/(m=video \d+) RTP\/AVP/, '$1 RTP/SAVP') + sound;
    const answersPlain = setup('RTP/AVP/TCP;unicast;interleaved=0-1');
    const script: Script = (request, caller) =>
      request.uri.endsWith('/sound') ? undefined : answersPlain(request, caller);
    const frames = [...framesOf(packetsOf()), ...soundPackets(0, 2, 2)];
    await using camera = await pictureCamera(script, { sdp, frames });
    const tls = certificate('camera');
    await using front = await channelFront(passOn(camera.port), tls);
    const sourceFingerprint = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '');
    await using run = new Run(`rtsps://127.0.0.1:${front.port}/live`, { rtspTransport, sourceFingerprint });
    await run.sampled(1);
    const setUps = lastCaller(camera).requests.filter(({ method }) => method === 'SETUP');
    expect(setUps.map(({ headers }) => headers.get('Transport')?.split(';')[0])).toEqual([
      'RTP/SAVP/TCP',
      'RTP/AVP/TCP',
    ]);
  },
);
