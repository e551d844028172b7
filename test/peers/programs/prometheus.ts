import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { runProcess, startProcess } from './process.ts';

/** One time series of an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, and the number as text. */
  readonly value: readonly [number, string];
}

export interface Prometheus extends AsyncDisposable {
  /** @throws Error with Prometheus' reason for an expression that it rejects */
  query(expression: string): Promise<readonly Sample[]>;
  /** State of each alerting rule, and why it cannot be evaluated. */
  rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]>;
}

interface PrometheusOptions {
  /** `HOST:PORT` of `/metrics`. */
  readonly target: string;
  readonly login: { readonly username: string; readonly password: string };
  /** YAML of alerting rules. */
  readonly rules: string;
}

/** Debian's Prometheus, which reads one box every second. */
export async function startPrometheus({ target, login, rules }: PrometheusOptions): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-prometheus-'));
  const [port = 0] = await freePorts(1);
  const [file, rulesFile] = [join(folder, 'prometheus.yml'), join(folder, 'rules.yml')];
  writeFileSync(rulesFile, rules);
  writeFileSync(
    file,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${rulesFile}]
scrape_configs:
  - job_name: perch
    static_configs: [{ targets: ['${target}'] }]
    basic_auth: ${JSON.stringify(login)}
`,
  );
  const checked = await runProcess('promtool', ['check', 'config', file]);
  if (checked.code !== 0) {
    throw new Error(checked.output);
  }
  const server = startProcess('/usr/bin/prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  await server.waitFor(/Server is ready/);
  const api = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (!response.ok) {
      throw new Error(`${path}: ${error}`);
    }
    return data;
  };
  return {
    query: async (expression) =>
      (await api<{ result: readonly Sample[] }>(`query?query=${encodeURIComponent(expression)}`)).result,
    rules: async () => {
      const { groups } = await api<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
      return groups.flatMap((group) => group.rules);
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
