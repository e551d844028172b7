import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { type Prometheus, startPrometheus } from '../../peers/programs/prometheus.ts';
import { freePorts } from '../../support/base/free-port.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const LOGIN = { username: 'prometheus', password: 'a robin on the fence' };
/** Panels about what this box does not have: an archive, a camera that tells its clock. */
const WITHOUT_DATA = ['Archive: waiting', 'Camera clocks'];
/** Panels that show something only when something is wrong. */
const ONLY_FAULTS = ['Not recorded', 'Samples lost'];

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
}
const { panels } = JSON.parse(readFileSync(join(DOCS, 'grafana.json'), 'utf8')) as { panels: readonly Panel[] };
const shown = panels.filter(({ type }) => type !== 'row');
const expressionOf = (expr: string) => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5s');

describeWith(['prometheus', 'ffmpeg'], 'Prometheus', () => {
  let box: Agent;
  let publisher: AsyncDisposable;
  let reader: RunningProcess;
  let prometheus: Prometheus;
  beforeAll(async () => {
    const [metricsPort = 0] = await freePorts(1);
    const target = `127.0.0.1:${metricsPort}`;
    const config = (rtsp: number) => `${PATIENT}api: yes
metrics: yes
recordSyncInterval: 1s
authInternalUsers:
  - user: any
    permissions: [{ action: publish }, { action: read }, { action: api }]
  - user: ${LOGIN.username}
    pass: ${LOGIN.password}
    permissions: [{ action: metrics }]
paths:
  door: { record: yes }
  copy: { source: 'rtsp://127.0.0.1:${rtsp}/door' }
  away: { source: 'rtsp://127.0.0.1:1/none' }
`;
    const [rtsp = 0] = await freePorts(1);
    const listen = () => ({ metricsAddress: target, rtspAddress: `127.0.0.1:${rtsp}` });
    box = await startAgent({ listen, config: config(rtsp) });
    const clip = await barClip({ ...SMALL, audio: 'opus' });
    publisher = await publishClip({ ...box, rtspUrl: (path) => `rtsp://127.0.0.1:${rtsp}/${path}` }, 'door', clip, {
      isEndless: true,
    });
    const reading = ['-rtsp_transport', 'tcp', '-i', `rtsp://127.0.0.1:${rtsp}/copy`, '-c', 'copy', '-f', 'null', '-'];
    reader = startProcess('ffmpeg', ['-nostdin', '-loglevel', 'error', ...reading]);
    const [, rules = ''] =
      /```yaml\n(groups:.*?)```/s.exec(readFileSync(join(DOCS, 'reference/metrics.md'), 'utf8')) ?? [];
    prometheus = await startPrometheus({ target, login: LOGIN, rules });
  });
  afterAll(async () => {
    await prometheus?.[Symbol.asyncDispose]();
    await reader?.stop();
    await publisher?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  test('reads the metrics as a user with that permission', async () => {
    await until(async () => ((await prometheus.query('perch_info')).length > 0 ? true : undefined));
    expect(await prometheus.query('up{job="perch"}')).toMatchObject([{ value: [expect.any(Number), '1'] }]);
  });

  test('evaluates the documented alerts', async () => {
    const rules = await until(async () => {
      const all = await prometheus.rules();
      return all.length > 0 && all.every(({ health }) => health !== 'unknown') ? all : undefined;
    });
    expect(rules.map(({ name, health, lastError = '' }) => [name, health, lastError])).toEqual([
      ['CameraAway', 'ok', ''],
      ['NotRecorded', 'ok', ''],
      ['DiskInTrouble', 'ok', ''],
    ]);
  });

  test.for(shown)(
    'has data for each expression of the panel "$title"',
    { timeout: 30_000 },
    async ({ type, title, targets = [] }) => {
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr, legendFormat = '' } of targets) {
        const result = () => prometheus.query(expressionOf(expr));
        if (WITHOUT_DATA.includes(title) || (type === 'timeseries' && ONLY_FAULTS.includes(title))) {
          await result();
          continue;
        }
        const series = await until(async () => {
          const found = await result();
          return found.length > 0 ? found : undefined;
        });
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        expect(series.flatMap(({ metric }) => labels.filter((label) => !metric[label]))).toEqual([]);
      }
    },
  );

  test('counts what works and what does not', async () => {
    const stat = async (title: string) => {
      const [expr = ''] = shown.filter((one) => one.title === title).map(({ targets = [] }) => targets[0]?.expr);
      return Number((await prometheus.query(expressionOf(expr)))[0]?.value[1]);
    };
    await until(async () => ((await stat('Cameras live')) === 1 ? true : undefined));
    expect([await stat('Boxes that answer'), await stat('Boxes away'), await stat('Not recorded')]).toEqual([1, 0, 0]);
  });
});
