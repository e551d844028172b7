import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './agent.ts';
import { freePort } from './free-port.ts';
import { startProcess } from './process.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/reverse-proxy.md'), 'utf8');
const MODULES = ['mpm_event', 'authz_core', 'headers', 'rewrite', 'proxy', 'proxy_http'];

export type ProxyName = 'nginx' | 'apache' | 'caddy';

export interface FrontServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/perch`. */
  readonly url: string;
}

interface Place {
  readonly folder: string;
  readonly port: number;
  /** What the document says, with the port of this Perch. */
  readonly snippets: readonly string[];
}

/** What the guide has for this server, word for word but for Perch's port. */
function snippetsOf(name: ProxyName, perchPort: number): string[] {
  return [...DOCUMENT.matchAll(new RegExp(`\`\`\`${name}\n([^]*?)\`\`\``, 'g'))].map(([, text = '']) =>
    text.replaceAll('127.0.0.1:8080', `127.0.0.1:${perchPort}`),
  );
}

const STARTS: Readonly<Record<ProxyName, (place: Place) => { file: string; text: string; command: string[] }>> = {
  nginx: ({ folder, port, snippets: [location = '', map = ''] }) => {
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const temporary = places.map((place) => `${place}_temp_path ${folder}/${place};`).join('\n');
    return {
      file: 'nginx.conf',
      text: `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
events {}
http { access_log off; ${temporary}
${map} server { listen 127.0.0.1:${port};
${location} } }`,
      command: ['/usr/sbin/nginx', '-e', 'stderr', '-c', `${folder}/nginx.conf`],
    };
  },
  apache: ({ folder, port, snippets: [text = ''] }) => ({
    file: 'apache.conf',
    text: `${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
ServerName localhost
User www-data
Group www-data
Listen 127.0.0.1:${port}
<VirtualHost 127.0.0.1:${port}>
${text}
</VirtualHost>`,
    command: ['/usr/sbin/apache2', '-X', '-f', `${folder}/apache.conf`],
  }),
  caddy: ({ folder, port, snippets: [text = ''] }) => ({
    file: 'Caddyfile',
    text: text.replace('{\n', `{\n  bind 127.0.0.1\n`).replace(/^\S+ \{/, `{\n  admin off\n}\nhttp://:${port} {`),
    command: ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/Caddyfile`],
  }),
};

/** The real server in the foreground, on loopback, with the guide's configuration for a folder. */
export async function startProxy(name: ProxyName, perchPort: number): Promise<FrontServer> {
  const folder = mkdtempSync(join(tmpdir(), `perch-${name}-`));
  const port = await freePort();
  const { file, text, command } = STARTS[name]({ folder, port, snippets: snippetsOf(name, perchPort) });
  mkdirSync(join(folder, 'home'));
  writeFileSync(join(folder, file), text);
  const [program = '', ...args] = command;
  const home = join(folder, 'home');
  const running = startProcess(program, args, { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home });
  const url = `http://127.0.0.1:${port}/perch`;
  let end: number | null | undefined;
  running.exited.then((code) => {
    end = code;
  });
  await until(async () => {
    if (end !== undefined) {
      throw new Error(`${name} ended (${end}):\n${running.output()}\n${text}`);
    }
    return await fetch(`${url}/health`).then(
      (response) => (response.ok ? true : undefined),
      () => undefined,
    );
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      // One process each, which would wait for kept connections; nginx has children.
      await running.stop(name === 'nginx' ? 'SIGTERM' : 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
