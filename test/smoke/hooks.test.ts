import { expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { startPublisher } from '../peers/clients/publisher.ts';
import { ffprobe } from '../peers/programs/ffmpeg.ts';
import { describeWith } from '../peers/programs/peers.ts';

const TCP = ['-rtsp_transport', 'tcp'];

/** The configuration of a hook that prints its name and these variables. */
const echo = (hook: string, ...variables: string[]) =>
  `  ${hook}: sh -c 'echo "${hook} ${variables.map((name) => `$${name}`).join(' ')}"'\n`;
/** Output of hooks, from the log. */
const printed = (agent: Agent): string[] =>
  [...agent.process.output().matchAll(/says="?([^"\n]+?)"?$/gm)].map(([, text = '']) => text);
const startedHooks = (agent: Agent): string[] =>
  [...agent.process.output().matchAll(/DEB \[cam\] command started hook=(\w+)/g)].map(([, hook = '']) => hook);

const SOURCE = ['MTX_PATH', 'MTX_QUERY', 'MTX_SOURCE_TYPE'];
const READER = ['MTX_PATH', 'MTX_QUERY', 'MTX_READER_TYPE'];

describeWith(['ffmpeg'], 'hooks of a path', () => {
  test('each runs at its moment with its variables, and at the end of a stream they run in order', async () => {
    const config = [
      'logLevel: debug\n',
      `runOnConnect: sh -c 'echo "runOnConnect $MTX_CONN_TYPE"'\nrunOnDisconnect: sh -c 'echo "runOnDisconnect $MTX_CONN_TYPE"'\n`,
      'paths:\n cam:\n  record: yes\n  recordPartDuration: 200ms\n',
      ...[echo('runOnInit', 'MTX_PATH', 'RTSP_PATH'), echo('runOnOffline', ...SOURCE), echo('runOnUnread', ...READER)],
      ...[echo('runOnReady', ...SOURCE), echo('runOnNotReady', ...SOURCE)],
      ...[echo('runOnOnline', ...SOURCE), echo('runOnRead', ...READER)],
      echo('runOnRecordSegmentCreate', 'MTX_SEGMENT_PATH'),
      echo('runOnRecordSegmentComplete', 'MTX_SEGMENT_PATH', 'MTX_SEGMENT_DURATION'),
    ];
    await using agent = await startAgent({ config: config.join('') });
    await using publisher = await startPublisher(`${agent.rtspUrl('cam')}?from=a%20b&x=$(id)`);
    const path = () => agent.json<PathStatus>('/v3/paths/get/cam').catch(() => undefined);
    await until(async () => ((await path())?.ready ? true : undefined));
    await until(() => (startedHooks(agent).includes('runOnRecordSegmentCreate') ? true : undefined));
    await ffprobe(`${agent.rtspUrl('cam')}?reader=1`, TCP);
    const list = await fetch(`http://127.0.0.1:${agent.ports.hls}/cam/index.m3u8?hls=1`);
    expect(list.status).toBe(200);
    await until(() => (startedHooks(agent).filter((hook) => hook === 'runOnRead').length === 2 ? true : undefined));
    await until(() => (agent.process.output().includes('runOnUnread cam reader%3D1 rtspSession') ? true : undefined));
    await publisher.stop('SIGINT');

    const query = 'from%3Da%2520b%26x%3D%24%28id%29';
    // The commands of a moment run at the same time, and print in any order.
    await expect
      .poll(() => printed(agent))
      .toEqual(
        expect.arrayContaining([
          'runOnInit cam cam',
          'runOnConnect rtspConn',
          'runOnDisconnect rtspConn',
          `runOnReady cam ${query} rtspSession`,
          `runOnOnline cam ${query} rtspSession`,
          `runOnOffline cam ${query} rtspSession`,
          `runOnNotReady cam ${query} rtspSession`,
          'runOnRead cam reader%3D1 rtspSession',
          'runOnRead cam hls%3D1 hlsSession',
          'runOnUnread cam hls%3D1 hlsSession',
          expect.stringMatching(/^runOnRecordSegmentCreate /),
          expect.stringMatching(/^runOnRecordSegmentComplete /),
        ]),
      );
    const lines = printed(agent);
    expect(startedHooks(agent)).toEqual([
      ...[
        'runOnInit',
        'runOnAvailable',
        'runOnOnline',
        'runOnRecordSegmentCreate',
        'runOnRead',
        'runOnUnread',
        'runOnRead',
      ],
      ...['runOnOffline', 'runOnUnread', 'runOnUnavailable', 'runOnRecordSegmentComplete'],
    ]);
    const complete = lines.find((line) => line.startsWith('runOnRecordSegmentComplete'))?.split(' ') ?? [];
    expect(lines).toContain(`runOnRecordSegmentCreate ${complete[1]}`);
    const { format } = await ffprobe(complete[1] ?? '');
    expect(Math.abs(Number(complete[2]) - Number((format as { duration?: string }).duration))).toBeLessThan(0.5);
  });
});
