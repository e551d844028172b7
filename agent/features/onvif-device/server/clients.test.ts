import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import onvif from 'onvif/promises/index.js';
import { expect, test } from 'vitest';
import {
  ask,
  DOOR,
  digestAnswer,
  FakeSource,
  openOnvifDevice,
  RECORDER,
  YARD,
} from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import type { IndependentClient } from '../../../../test/onvif-camera/independent-client.ts';
import { NO_FACTS } from '../stream-facts.ts';

/** Runs in a separate process: in this one Perch has replaced the transport of node-onvif. */
const NODE_ONVIF = `
  const { OnvifDevice } = require('node-onvif');
  const device = new OnvifDevice(JSON.parse(process.argv[1]));
  device.init().then(async (information) => {
    const presets = await device.services.ptz.getPresets({ ProfileToken: 'main' });
    const streams = device.getProfileList().map(({ token, stream }) => [token, stream.udp]);
    console.log(JSON.stringify({ information, streams, presets: presets.data }));
  });
`;

async function connect(port: number): Promise<IndependentClient> {
  const cam = new onvif.Cam({
    hostname: '127.0.0.1',
    port,
    username: RECORDER.user,
    password: RECORDER.password,
    autoconnect: false,
    timeout: 5_000,
  }) as unknown as IndependentClient;
  await cam.connect();
  return cam;
}

test("npm's onvif reads device, profiles, streams and snapshot", async () => {
  const { portOf } = await openOnvifDevice();
  const cam = await connect(portOf());
  expect(await cam.getDeviceInformation()).toMatchObject({
    manufacturer: 'Perch',
    firmwareVersion: '1.2.3',
    serialNumber: expect.stringMatching(/^PERCH[0-9A-F]{22}$/),
  });
  expect(cam.profiles.map(({ $ }) => $.token)).toEqual(['main', 'sub']);
  for (const protocol of ['RTSP', 'UDP', 'HTTP']) {
    const { uri } = await cam.getStreamUri({ protocol, profileToken: 'sub' });
    expect(uri).toBe('rtsp://127.0.0.1:8554/door_sub');
  }
  const { uri } = await cam.getSnapshotUri({ profileToken: 'main' });
  expect(uri).toBe(`http://127.0.0.1:${portOf()}/onvif/snapshot/main.jpg`);
});

test("npm's onvif moves the camera", async () => {
  const { portOf, source } = await openOnvifDevice();
  const cam = await connect(portOf());
  await cam.continuousMove({ x: 0.5, y: 0, zoom: 0 });
  await cam.stop({ panTilt: true, zoom: true });
  expect(await cam.getPresets({})).toMatchObject({ 'Gate <west>': { $: { token: 1 } } });
  await cam.gotoPreset({ preset: '1' });
  expect(source.moves).toEqual(['door {"pan":0.5,"tilt":0,"zoom":0}', 'door stop', 'door to 1']);
});

test("npm's onvif gets the present state and then events", async () => {
  const { portOf, source } = await openOnvifDevice();
  const cam = await connect(portOf());
  await cam.createPullPointSubscription();
  expect(JSON.stringify(await cam.pullMessages({ messageLimit: 100 }))).toContain('Initialized');
  source.tell('motion', true);
  const heard = JSON.stringify(await cam.pullMessages({ messageLimit: 100 }));
  expect(heard).toContain('CellMotionDetector/Motion');
  expect(heard).toContain('Changed');
  await cam.renew({});
  await cam.unsubscribe();
});

test('node-onvif initializes, and lists both streams and the presets', async () => {
  const { urlOf } = await openOnvifDevice();
  const target = { xaddr: urlOf('device_service'), user: RECORDER.user, pass: RECORDER.password };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', NODE_ONVIF, JSON.stringify(target)]);
  expect(JSON.parse(stdout)).toMatchObject({
    information: { Manufacturer: 'Perch' },
    streams: [
      ['main', 'rtsp://127.0.0.1:8554/door'],
      ['sub', 'rtsp://127.0.0.1:8554/door_sub'],
    ],
    presets: { GetPresetsResponse: { Preset: { Name: 'Gate <west>' } } },
  });
});

test('Media 2 names H.265, and lists configurations only when they are asked for', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('media2_service');
  const all = await ask(url, '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>');
  expect(all.text).toContain('<tt:Encoding>H265</tt:Encoding>');
  expect(all.text).toContain('<tt:Width>2560</tt:Width>');
  expect((await ask(url, '<tr2:GetProfiles/>')).text).not.toContain('Configurations');
  const stream = await ask(
    url,
    '<tr2:GetStreamUri><tr2:Protocol>RtspUnicast</tr2:Protocol><tr2:ProfileToken>main</tr2:ProfileToken></tr2:GetStreamUri>',
  );
  expect(stream.text).toContain('<tr2:Uri>rtsp://127.0.0.1:8554/door</tr2:Uri>');
});

test('both media services report the encoder as it is, and offer no other values', async () => {
  const { urlOf } = await openOnvifDevice();
  const media1 = urlOf('media_service');
  const { text: encoders } = await ask(media1, '<trt:GetVideoEncoderConfigurations/>');
  const [main = '', sub = ''] = encoders.split('</trt:Configurations>');
  // Media 1 has no H.265, and no fractional frame rates.
  expect(main).toContain('<tt:H264><tt:GovLength>30</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264>');
  expect(main).toContain(
    '<tt:FrameRateLimit>13</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>3008</tt:BitrateLimit>',
  );
  expect(sub).toContain('<tt:H264><tt:GovLength>60</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264>');
  expect(sub).toContain('<tt:BitrateLimit>448</tt:BitrateLimit>');
  const { text: options } = await ask(
    media1,
    '<trt:GetVideoEncoderConfigurationOptions><trt:ConfigurationToken>sub</trt:ConfigurationToken></trt:GetVideoEncoderConfigurationOptions>',
  );
  expect(options).toContain('<tt:FrameRateRange><tt:Min>15</tt:Min><tt:Max>15</tt:Max></tt:FrameRateRange>');
  expect((await ask(media1, '<trt:GetVideoSources/>')).text).toContain('<tt:Framerate>12.5</tt:Framerate>');
  expect((await ask(media1, '<trt:GetAudioSources/>')).text).toContain('<tt:Channels>2</tt:Channels>');

  const media2 = urlOf('media2_service');
  const { text: second } = await ask(media2, '<tr2:GetVideoEncoderConfigurations/>');
  expect(second).toContain('token="main" GovLength="30" Profile="Main10"');
  expect(second).toContain(
    '<tt:FrameRateLimit>12.5</tt:FrameRateLimit><tt:BitrateLimit>3008</tt:BitrateLimit></tt:RateControl>',
  );
  expect(second).toContain('token="sub" GovLength="60" Profile="High"');
  const { text: instances } = await ask(media2, '<tr2:GetVideoEncoderInstances/>');
  expect(instances).toContain('<tr2:Encoding>H264</tr2:Encoding><tr2:Number>1</tr2:Number></tr2:Codec><tr2:Total>2');
  const { text: choices } = await ask(media2, '<tr2:GetVideoEncoderConfigurationOptions/>');
  expect(choices).toContain('GovLengthRange="30" FrameRatesSupported="12.5" ProfilesSupported="Main10"');
  expect(choices).toContain('<tt:BitrateRange><tt:Min>3008</tt:Min><tt:Max>3008</tt:Max></tt:BitrateRange>');
});

const RANGES =
  '<tt:BoundsRange><tt:XRange><tt:Min>0</tt:Min><tt:Max>0</tt:Max></tt:XRange><tt:YRange><tt:Min>0</tt:Min><tt:Max>0</tt:Max></tt:YRange>' +
  '<tt:WidthRange><tt:Min>2560</tt:Min><tt:Max>2560</tt:Max></tt:WidthRange>' +
  '<tt:HeightRange><tt:Min>1440</tt:Min><tt:Max>1440</tt:Max></tt:HeightRange></tt:BoundsRange>' +
  '<tt:VideoSourceTokensAvailable>video</tt:VideoSourceTokensAvailable>';
const RATES =
  '<tt:BitrateList><tt:Items>64</tt:Items></tt:BitrateList><tt:SampleRateList><tt:Items>16</tt:Items></tt:SampleRateList>';

test.for([
  ['trt:GetVideoSourceConfigurationOptions', `<trt:Options>${RANGES}</trt:Options>`],
  ['trt:GetCompatibleVideoSourceConfigurations', '<trt:Configurations token="video"><tt:Name>Picture</tt:Name>'],
  ['trt:GetCompatibleVideoEncoderConfigurations', '<trt:Configurations token="sub"><tt:Name>Sub stream</tt:Name>'],
  ['trt:GetAudioSourceConfiguration', '<trt:Configuration token="audio"><tt:Name>Sound</tt:Name>'],
  ['trt:GetAudioSourceConfigurationOptions', '<trt:Options><tt:InputTokensAvailable>audio</tt:InputTokensAvailable>'],
  ['trt:GetCompatibleAudioSourceConfigurations', '<trt:Configurations token="audio"><tt:Name>Sound</tt:Name>'],
  ['trt:GetAudioEncoderConfiguration', '<trt:Configuration token="main"><tt:Name>Sound</tt:Name>'],
  [
    'trt:GetAudioEncoderConfigurationOptions',
    `<trt:Options><tt:Options><tt:Encoding>AAC</tt:Encoding>${RATES}</tt:Options></trt:Options>`,
  ],
  ['trt:GetCompatibleAudioEncoderConfigurations', '<trt:Configurations token="main"><tt:Name>Sound</tt:Name>'],
  ['tr2:GetVideoSourceConfigurationOptions', `<tr2:Options>${RANGES}</tr2:Options>`],
  ['tr2:GetAudioSourceConfigurationOptions', '<tr2:Options><tt:InputTokensAvailable>audio</tt:InputTokensAvailable>'],
  [
    'tr2:GetAudioEncoderConfigurationOptions',
    `<tr2:Options><tt:Encoding>MP4A-LATM</tt:Encoding>${RATES}</tr2:Options></tr2:GetAudioEncoderConfigurationOptionsResponse>`,
  ],
] as const)('a recorder that makes sure of all settings gets an answer to %s', async ([operation, content]) => {
  const { urlOf } = await openOnvifDevice();
  const service = operation.startsWith('tr2:') ? 'media2_service' : 'media_service';
  const token = operation.endsWith('Configuration') ? '<trt:ConfigurationToken>main</trt:ConfigurationToken>' : '';
  const { status, text } = await ask(urlOf(service), `<${operation}>${token}</${operation}>`);
  expect([status, text]).toEqual([200, expect.stringContaining(`<${operation}Response>`)]);
  expect(text).toContain(content);
});

test.for(['Source', 'Encoder'] as const)('a camera without sound has no audio %s configuration', async (kind) => {
  const source = new FakeSource();
  source.facts = () => NO_FACTS;
  const { urlOf } = await openOnvifDevice({ source });
  const operation = `trt:GetAudio${kind}Configuration`;
  const token = `<trt:ConfigurationToken>${kind === 'Source' ? 'audio' : 'main'}</trt:ConfigurationToken>`;
  const { status, text } = await ask(urlOf('media_service'), `<${operation}>${token}</${operation}>`);
  expect([status, text]).toEqual([400, expect.stringContaining('ter:NoConfig')]);
  expect(text).toContain(`no such configuration: GetAudio${kind}Configurations lists them`);
});

test('a recorder that sets the clock is thanked, and nothing changes', async () => {
  const { urlOf } = await openOnvifDevice();
  const { status, text } = await ask(
    urlOf('device_service'),
    '<tds:SetSystemDateAndTime><tds:DateTimeType>Manual</tds:DateTimeType></tds:SetSystemDateAndTime>',
  );
  expect([status, text]).toEqual([200, expect.stringContaining('<tds:SetSystemDateAndTimeResponse></')]);
});

test('before a stream has run, its encoder has the values of most cameras', async () => {
  const source = new FakeSource();
  source.facts = () => NO_FACTS;
  const { urlOf } = await openOnvifDevice({ source });
  const { text } = await ask(urlOf('media2_service'), '<tr2:GetVideoEncoderConfigurations/>');
  expect(text).toContain('token="main" GovLength="50"><tt:Name>Main stream</tt:Name>');
  expect(text).toContain('<tt:FrameRateLimit>25</tt:FrameRateLimit><tt:BitrateLimit>4096</tt:BitrateLimit>');
  expect(text).toContain('<tt:BitrateLimit>512</tt:BitrateLimit>');
});

test('a transport that RTSP does not offer is refused', async () => {
  const source = new FakeSource();
  source.transports = ['tcp'];
  const { urlOf } = await openOnvifDevice({ source });
  const { text } = await ask(
    urlOf('media_service'),
    '<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>UDP</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>main</trt:ProfileToken></trt:GetStreamUri>',
  );
  expect(text).toContain('ter:InvalidStreamSetup');
});

test('a snapshot needs HTTP Digest', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('snapshot/main.jpg');
  const closed = await fetch(url);
  const challenge = closed.headers.get('www-authenticate') ?? '';
  expect(closed.status).toBe(401);
  const open = await fetch(url, {
    headers: { Authorization: digestAnswer(challenge, 'GET', '/onvif/snapshot/main.jpg') },
  });
  expect([open.status, open.headers.get('content-type'), (await open.bytes())[0]]).toEqual([200, 'image/jpeg', 0xff]);
});

test('each camera has a port of its own, which stays when others come and go', async () => {
  const { source, server, portOf, urlOf } = await openOnvifDevice();
  const first = portOf('door');
  source.change([YARD, DOOR]);
  await expect.poll(() => server.cameras.length).toBe(2);
  expect([portOf('door'), portOf('yard') === first]).toEqual([first, false]);
  const { text } = await ask(urlOf('device_service', 'yard'), '<tds:GetScopes/>');
  expect(text).toContain('onvif://www.onvif.org/name/H%C3%B6f%20%26%20Tor');
  source.change([YARD]);
  await expect.poll(() => server.cameras.length).toBe(1);
  await expect(fetch(`http://127.0.0.1:${first}/`)).rejects.toThrow();
});

test('the address is the one by which the client has come', async () => {
  const { portOf } = await openOnvifDevice();
  const { text } = await ask(`http://localhost:${portOf()}/onvif/device_service`, '<tds:GetCapabilities/>');
  expect(text).toContain(`<tt:XAddr>http://localhost:${portOf()}/onvif/media_service</tt:XAddr>`);
});
