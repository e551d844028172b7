import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const TCP = ['-rtsp_transport', 'tcp'];
const INPUT = [
  '-re',
  '-f',
  'lavfi',
  '-i',
  'testsrc2=size=320x180:rate=25',
  '-f',
  'lavfi',
  '-i',
  'sine=sample_rate=48000',
];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];

describeWith(['ffmpeg'], 'unknown formats over RTSP', () => {
  test('Vorbis from ffmpeg reaches ffmpeg over TCP and UDP, and decodes; HLS has the picture alone', async () => {
    await using agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    const output = ['-f', 'rtsp', ...TCP, agent.rtspUrl('cam')];
    const coding = [...H264, '-c:a', 'libvorbis', '-ac', '2'];
    const publisher = startProcess('ffmpeg', ['-nostdin', '-v', 'error', ...INPUT, ...coding, ...output]);
    try {
      const { tracks } = await until(async () => {
        const path = await agent
          .json<{ ready: boolean; tracks: string[] }>('/v3/paths/get/cam')
          .catch(() => ({ ready: false, tracks: [] }));
        return path.ready ? path : undefined;
      });
      expect(tracks).toEqual(['H264', 'Generic']);
      for (const transport of ['tcp', 'udp']) {
        const { streams } = await ffprobe(agent.rtspUrl('cam'), ['-rtsp_transport', transport]);
        expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'vorbis']);
      }
      expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('cam'), '-map', '0:a', '-t', '2'])).toBe('');
      const { streams } = await ffprobe(`http://127.0.0.1:${agent.ports.hls}/cam/index.m3u8`);
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});

const PICTURES =
  'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! h264parse';

const tracksOf = (agent: Agent, name: string): Promise<readonly string[]> =>
  until(async () => {
    const path = await agent.json<{ ready: boolean; tracks: string[] }>(`/v3/paths/get/${name}`).catch(() => undefined);
    return path?.ready ? path.tracks : undefined;
  });

describeWith(['ffmpeg', 'gstreamer'], 'unknown formats and transport streams of cameras', () => {
  test('Vorbis of a camera reaches ffmpeg, and decodes', async () => {
    const sound =
      'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! vorbisenc ! rtpvorbispay name=pay1 pt=97';
    await using camera = await startGstCamera({ '/cam': `( ${PICTURES} ! rtph264pay name=pay0 pt=96  ${sound} )` });
    await using agent = await startAgent({ config: `paths:\n  cam: {source: '${camera.url('/cam')}'}\n` });
    expect(await tracksOf(agent, 'cam')).toEqual(['H264', 'Generic']);
    const { streams } = await ffprobe(agent.rtspUrl('cam'), TCP);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'vorbis']);
    expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('cam'), '-map', '0:a', '-t', '2'])).toBe('');
  });

  test('metadata of a camera reaches GStreamer, and the picture does not wait for it', async () => {
    using folder = temporaryFolder();
    const text = '<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"/>\n';
    writeFileSync(join(folder.path, 'unit-0.xml'), text);
    const units = `multifilesrc location=${folder.path}/unit-%d.xml loop=true do-timestamp=true caps=application/x-onvif-metadata`;
    const metadata = `${units} ! identity sleep-time=200000 ! queue ! rtpgstpay name=pay1 pt=98`;
    await using camera = await startGstCamera({ '/cam': `( ${PICTURES} ! rtph264pay name=pay0 pt=96  ${metadata} )` });
    await using agent = await startAgent({ config: `paths:\n  cam: {source: '${camera.url('/cam')}'}\n` });
    expect(await tracksOf(agent, 'cam')).toEqual(['H264', 'Generic']);
    const file = join(folder.path, 'read.xml');
    const reading = `rtspsrc location=${agent.rtspUrl('cam')} protocols=tcp name=src src. ! application/x-rtp,media=application ! rtpgstdepay ! filesink buffer-mode=unbuffered location=${file} src. ! application/x-rtp,media=video ! fakesink`;
    const reader = startProcess('gst-launch-1.0', ['-q', ...reading.split(' ')]);
    try {
      await until(async () => (existsSync(file) && readFileSync(file, 'utf8').startsWith(text.repeat(3))) || undefined);
    } finally {
      await reader.stop('SIGKILL');
    }
    const { streams } = await ffprobe(agent.rtspUrl('cam'), TCP);
    expect(streams[0]).toMatchObject({ codec_name: 'h264' });
  });

  test("a transport stream in RTP is passed on, or demuxed to the camera's tracks", async () => {
    const sound = 'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse';
    const launch = `( ${PICTURES} ! mux.  ${sound} ! mux.  mpegtsmux name=mux alignment=7 ! rtpmp2tpay name=pay0 pt=33 )`;
    await using camera = await startGstCamera({ '/cam': launch });
    const source = `source: '${camera.url('/cam')}'`;
    const config = `paths:\n  whole: {${source}}\n  demuxed: {${source}, rtspDemuxMpegts: yes}\n`;
    await using agent = await startAgent({ config });
    expect(await tracksOf(agent, 'whole')).toEqual(['MPEG-TS']);
    expect([...(await tracksOf(agent, 'demuxed'))].sort()).toEqual(['H264', 'MPEG-4 Audio']);
    for (const path of ['whole', 'demuxed']) {
      const { streams } = await ffprobe(agent.rtspUrl(path), TCP);
      expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
    }
    expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('demuxed'), '-t', '2'])).toBe('');
  });
});
