import { expect, test } from 'vitest';
import { MAIN_PROFILE, SUB_PROFILE, startOnvifCamera } from '../../onvif-camera/camera.ts';
import { startAgent } from '../../peers/agent/agent.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../support/harness/adoption-harness.ts';

const LOGIN = { user: 'admin', password: 'grün & 7/8@home' };

describeWith(['ffmpeg'], 'cameras of the house', () => {
  test('a configured camera shows its description and suggestions soon after a start', async () => {
    await using camera = await startOnvifCamera({
      address: '127.0.0.24',
      credentials: LOGIN,
      quirks: { login: 'digest' },
      profiles: [{ ...MAIN_PROFILE, group: 250 }, SUB_PROFILE],
    });
    const login = `user: ${LOGIN.user}, password: "${LOGIN.password}"`;
    await using box = await openAdoptionHarness(
      { port: await freeUdpPort() },
      `paths:\n  door: {source: "${camera.rtspUrl()}", camera: {onvif: "${camera.url}", ${login}}}\n`,
    );
    const door = async () => (await box.call('GET', '/cameras/get/door')).body;
    expect(await door()).toMatchObject({ description: null });
    await expect
      .poll(door, { timeout: 15_000 })
      .toMatchObject({ description: { hasPtz: true, suggestions: [{ kind: 'longGroups' }, { kind: 'smartCodec' }] } });
    const reads = () => camera.operations.filter((one) => one === 'GetNetworkInterfaces').length;
    const before = reads();
    expect((await box.call('POST', '/cameras/encoder/door', { groupFrames: 30 })).body).toMatchObject({ isDone: true });
    await expect.poll(door, { timeout: 15_000 }).toMatchObject({ description: { suggestions: [] } });
    expect(reads()).toBe(before + 1);
  });

  test('adds a camera without ONVIF by its address alone, with the streams of its maker', async () => {
    const streamPaths = { main: '/Preview_01_main', sub: '/Preview_01_sub' };
    await using camera = await startOnvifCamera({
      address: '127.0.0.23',
      credentials: LOGIN,
      quirks: { streamPaths, onvifIsOff: 404 },
    });
    await using box = await openAdoptionHarness({
      ...{ port: await freeUdpPort(), onvifPorts: [camera.port], streamPorts: [camera.rtspPort] },
    });
    const { body: begun } = await box.call('POST', '/cameras/probe', {
      target: camera.address,
      maker: 'Reolink',
      ...LOGIN,
    });
    const look = async () => (await box.call('GET', `/cameras/probe/${begun['id']}`)).body;
    await expect.poll(async () => (await look())['state'], { timeout: 15_000 }).toBe('done');
    const found = await look();
    expect(found).toMatchObject({
      ...{ onvif: null, makers: 'Reolink', rtsp: `rtsp://127.0.0.23:${camera.rtspPort}/Preview_01_main` },
      sub: `rtsp://127.0.0.23:${camera.rtspPort}/Preview_01_sub`,
    });
    const request = {
      rtsp: found['rtsp'],
      sub: found['sub'],
      name: 'yard/gate',
      title: 'Gate',
      record: 'no',
      ...LOGIN,
    };
    const adopted = await box.call('POST', '/cameras/adopt', { cameras: [request] });
    expect(adopted.body['items']).toMatchObject([
      { status: 'ok', path: 'yard/gate', paths: ['yard/gate', 'yard/gate_sub'] },
    ]);
    await expect
      .poll(async () => (await box.call('GET', '/paths/get/yard/gate')).body['ready'], { timeout: 10_000 })
      .toBe(true);
    const widths = await ffprobe(`rtsp://owner:correct%20horse%20battery@127.0.0.1:${box.rtspPort}/yard/gate`, [
      '-rtsp_transport',
      'tcp',
    ]);
    expect(widths.streams[0]?.width).toBe(640);
  });
});

test('cameras simulated on this machine are used if Perch was started for them, otherwise rejected', async () => {
  await using camera = await startOnvifCamera({ address: '127.0.0.25', credentials: LOGIN });
  const check = async (env: NodeJS.ProcessEnv) => {
    await using agent = await startAgent({ config: 'api: yes\n', env });
    const response = await fetch(`${agent.url}/v3/cameras/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ onvif: camera.url, ...LOGIN }),
    });
    return (await response.json()) as object;
  };
  expect(await check({ PERCH_LOOPBACK_CAMERAS: 'yes' })).toMatchObject({ isGood: true });
  expect(await check({})).toMatchObject({
    isGood: false,
    error: expect.stringContaining('PERCH_LOOPBACK_CAMERAS=yes'),
  });
  expect(camera.state.wrongLogins).toEqual([]);
});
