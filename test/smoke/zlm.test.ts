import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startAgent, until } from '../peers/agent/agent.ts';
import { startPublisher } from '../peers/clients/publisher.ts';
import { CAM1, call, isOnline, SECRET } from '../peers/clients/zlm-client.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { openHookServer } from '../support/servers/web-hooks.ts';

const CONFIG = `zlmSecret: ${SECRET}\npaths:\n  live/cam1:\n`;

describeWith(['ffmpeg'], "ZLMediaKit's calls", () => {
  test('list a stream that ffmpeg publishes, record it, and end it', async () => {
    // Ports of both families at once: there IPv4 clients come with addresses of IPv6.
    await using hooks = await openHookServer();
    const config = `zlmOnRecordMP4: ${hooks.url}recorded\n${CONFIG}`;
    await using agent = await startAgent({ config, host: '' });
    expect(await call(agent, 'getMediaList')).toEqual({ code: 0 });
    await using _publisher = await startPublisher(agent.rtspUrl('live/cam1'));
    await isOnline(agent);

    const list = (await call(agent, 'getMediaList')).data as Record<string, unknown>[];
    expect(list.map(({ schema, app, stream }) => [schema, app, stream])).toEqual([
      ['rtsp', 'live', 'cam1'],
      ['rtmp', 'live', 'cam1'],
      ['hls.fmp4', 'live', 'cam1'],
      ['ts', 'live', 'cam1'],
    ]);
    expect(list[0]).toMatchObject({ originType: 2, originTypeStr: 'rtsp_push', readerCount: 0, isRecordingMP4: false });
    expect(list[0]?.['originSock']).toMatchObject({ peer_ip: '127.0.0.1', local_port: agent.ports.rtsp });
    const info = await call(agent, 'getMediaInfo', CAM1);
    expect(info['tracks']).toEqual([
      { codec_id: 0, codec_id_name: 'H264', codec_type: 0, ready: true, width: 640, height: 360 },
      expect.objectContaining({ codec_id: 2, codec_type: 1, sample_rate: 48_000, channels: 1 }),
    ]);
    expect(await call(agent, 'getMediaInfo', { ...CAM1, stream: 'other' })).toEqual({
      code: -500,
      msg: 'can not find the stream',
    });
    expect(await call(agent, 'isMediaOnline', { ...CAM1, schema: 'rtmp' })).toEqual({ code: 0, online: true });
    expect(await call(agent, 'isMediaOnline', { ...CAM1, schema: 'fmp4' })).toEqual({ code: 0, online: false });

    const recording = { ...CAM1, type: '1' };
    expect(await call(agent, 'startRecord', recording)).toEqual({ code: 0, result: true });
    await until(async () => ((await call(agent, 'isRecording', recording))['status'] === true ? true : undefined));
    expect(await call(agent, 'stopRecord', recording)).toEqual({ code: 0, result: true });
    await until(async () => ((await call(agent, 'isRecording', recording))['status'] === false ? true : undefined));
    expect(await call(agent, 'startRecord', { ...recording, type: '0' })).toMatchObject({ code: -1, result: false });
    const { body } = await until(async () => hooks.of('recorded')[0]);
    expect(body).toMatchObject({ app: 'live', stream: 'cam1', file_size: statSync(String(body['file_path'])).size });
    const file = await fetch(`${agent.url}/${body['url']}`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'video/mp4']);
    await file.body?.cancel();
    // A proxy of itself has a reader, which is listed and can be disconnected.
    const proxy = { vhost: CAM1.vhost, app: 'yard', stream: 'gate', url: agent.rtspUrl('live/cam1') };
    expect(await call(agent, 'addStreamProxy', proxy)).toEqual({
      code: 0,
      data: { key: '__defaultVhost__/yard/gate' },
    });
    const players = (await call(agent, 'getMediaPlayerList', CAM1)).data as Record<string, unknown>[];
    expect(players).toEqual([expect.objectContaining({ typeid: 'RtspSession', peer_ip: '127.0.0.1' })]);
    expect(await call(agent, 'close_stream', CAM1)).toMatchObject({ code: -1, result: -1 });
    expect(await call(agent, 'kick_session', { id: String(players[0]?.['identifier']) })).toEqual({ code: 0 });
    expect(await call(agent, 'close_stream', { ...CAM1, force: '1' })).toMatchObject({ code: 0, result: 0 });
    expect((await call(agent, 'getAllSession')).data).not.toContainEqual(
      expect.objectContaining({ id: players[0]?.['identifier'] }),
    );
    expect(agent.process.output()).toContain('remote=127.0.0.1:');
    expect(agent.process.output()).not.toContain('::ffff:');
  });
});
