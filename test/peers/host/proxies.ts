import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { until } from '../agent/agent.ts';
import { type RunningProcess, startProcess } from '../programs/process.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/guide/access/reverse-proxy.md'), 'utf8');
const APACHE_MODULES = [
  ...['mpm_event', 'authz_core', 'headers', 'rewrite', 'proxy', 'proxy_http', 'socache_shmcb', 'ssl', 'http2'],
];

export type ProxyName = 'nginx' | 'apache' | 'caddy';

/** The guide's configuration for a folder of `home.example` and for `perch.example`. */
interface Guide {
  readonly folder: string;
  readonly own: string;
  /** The part before both. */
  readonly head: string;
}

/** One site of a server: the guide's text, with another port, the test's certificate and Perch's address. */
interface Site {
  readonly host: string;
  readonly block: keyof Omit<Guide, 'head'>;
  /** The address of Perch. */
  readonly upstream: string;
  /** Without TLS, for any host. */
  readonly isPlain?: boolean;
  readonly edit?: (text: string) => string;
}

interface Place {
  readonly folder: string;
  readonly plainPort: number;
  readonly tlsPort: number;
}

/** The real server in the foreground, on loopback, with the guide's configurations. */
export interface FrontServer extends AsyncDisposable {
  readonly name: ProxyName;
  /** `http://127.0.0.1:PORT/perch`: a folder without TLS. */
  readonly url: string;
  /**
   * TLS port of `home.example` (a folder), `perch.example` and `localhost`, `stranger.example` (the same from an untrusted address) and `old.example`
   * (nginx: a folder by HTTP/1.0).
   */
  readonly tlsPort: number;
  /** The certificate of all of them. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** The same server again, on the same ports. */
  restart(): Promise<void>;
  /** nginx: SIGHUP reads the configuration again. */
  signal(name: NodeJS.Signals): void;
}

interface Server {
  /** @param text of one site in the guide */
  place(text: string, site: Site, place: Place): string;
  readonly file: string;
  whole(sites: string, guide: Guide, place: Place): string;
  command(place: Place): string[];
}

const SERVERS: Readonly<Record<ProxyName, Server>> = {
  nginx: {
    file: 'nginx.conf',
    place: (text, { isPlain }, { plainPort, tlsPort }) => {
      const port = isPlain ? `127.0.0.1:${plainPort}` : `127.0.0.1:${tlsPort} ssl http2`;
      return text
        .replace('443 ssl http2', port)
        .split('\n')
        .filter((line) => !isPlain || !line.includes('ssl_'))
        .join('\n');
    },
    whole: (sites, { head }, { folder }) => {
      const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
      const temporary = places.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
      // Its temporary files go into the test's folder.
      return `user root; daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
events {}
http { access_log off; ${temporary}
${head}${sites} }`;
    },
    command: ({ folder }) => ['/usr/sbin/nginx', '-e', 'stderr', '-c', `${folder}/nginx.conf`],
  },
  apache: {
    file: 'apache.conf',
    place: (text, { isPlain }, { plainPort, tlsPort }) =>
      text
        .replace('*:443', `127.0.0.1:${isPlain ? plainPort : tlsPort}`)
        .split('\n')
        .filter((line) => !isPlain || !line.includes('SSL'))
        .join('\n'),
    whole: (sites, _guide, { folder, plainPort, tlsPort }) => `${APACHE_MODULES.map(loadApache).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
ServerName localhost
User www-data
Group www-data
StartServers 1
Listen 127.0.0.1:${plainPort}
Listen 127.0.0.1:${tlsPort}
${sites}`,
    command: ({ folder }) => ['/usr/sbin/apache2', '-DFOREGROUND', '-f', `${folder}/apache.conf`],
  },
  caddy: {
    file: 'Caddyfile',
    place: (text, { host, isPlain }, { folder, plainPort, tlsPort }) => {
      const address = isPlain ? `http://:${plainPort}` : `${host}:${tlsPort}`;
      const tls = isPlain ? '' : `  tls ${folder}/cert.pem ${folder}/cert.key\n`;
      return text.replace(/^\S+ \{\n/, `${address} {\n  bind 127.0.0.1\n${tls}`);
    },
    whole: (sites) => `{\n  admin off\n  auto_https disable_redirects\n}\n${sites}`,
    command: ({ folder }) => ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/Caddyfile`],
  },
};

const loadApache = (name: string): string => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`;

function guideOf(name: ProxyName): Guide {
  const blocks = [...DOCUMENT.matchAll(new RegExp(`\`\`\`${name}\n([^]*?)\`\`\``, 'g'))].map(([, text = '']) => text);
  const [own = '', folder = '', head = ''] = blocks.reverse();
  return { folder, own, head };
}

function sitesOf(name: ProxyName, perchPort: number): Site[] {
  const upstream = `127.0.0.1:${perchPort}`;
  const sites: Site[] = [
    { host: 'localhost', block: 'folder', upstream, isPlain: true },
    { host: 'home.example', block: 'folder', upstream },
    { host: 'perch.example', block: 'own', upstream },
    { host: 'localhost', block: 'own', upstream },
    { host: 'stranger.example', block: 'own', upstream: `[::1]:${perchPort}` },
  ];
  const older = (text: string) => text.replace(/ *proxy_http_version 1.1;\n/, '');
  return name === 'nginx' ? [...sites, { host: 'old.example', block: 'folder', upstream, edit: older }] : sites;
}

/** `cert.pem` and `cert.key` in the folder. @param more names, such as `IP:192.0.2.1` @returns the certificate */
export function makeCertificate(folder: string, ...more: readonly string[]): string {
  const hosts = ['home', 'perch', 'stranger', 'old'].map((name) => `${name}.example`);
  const names = [...[...hosts, 'localhost'].map((name) => `DNS:${name}`), ...more].join(',');
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const whose = ['-subj', '/CN=home.example', '-addext', `subjectAltName=${names}`];
  const files = ['-keyout', join(folder, 'cert.key'), '-out', join(folder, 'cert.pem')];
  execFileSync('openssl', [...kind, ...whose, ...files], { stdio: 'ignore' });
  return readFileSync(join(folder, 'cert.pem'), 'utf8');
}

/**
 * @param perchPort main port, requested from 127.0.0.1, and from ::1 as an untrusted proxy
 * @param edit changes the guide's text of each site
 */
export async function startProxy(
  name: ProxyName,
  perchPort: number,
  edit: (text: string) => string = (text) => text,
): Promise<FrontServer> {
  const folder = mkdtempSync(join(tmpdir(), `perch-${name}-`));
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const place: Place = { folder, plainPort, tlsPort };
  const [server, guide] = [SERVERS[name], guideOf(name)];
  const certificate = makeCertificate(folder);
  const sites = sitesOf(name, perchPort).map((site) => {
    const text = edit(guide[site.block])
      .replaceAll('127.0.0.1:8080', site.upstream)
      .replaceAll(/\/etc\/ssl\/[\w.]+\.(pem|key)/g, `${folder}/cert.$1`)
      .replace(site.block === 'folder' ? 'home.example' : 'perch.example', site.host);
    return server.place(site.edit?.(text) ?? text, site, place);
  });
  const text = server.whole(sites.join('\n'), guide, place);
  const home = join(folder, 'home');
  mkdirSync(home);
  writeFileSync(join(folder, server.file), text);
  const [program = '', ...args] = server.command(place);
  const url = `http://127.0.0.1:${plainPort}/perch`;
  const start = async (): Promise<RunningProcess> => {
    const started = startProcess(program, args, { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home });
    let end: number | null | undefined;
    started.exited.then((code) => {
      end = code;
    });
    await until(async () => {
      if (end !== undefined) {
        throw new Error(`${name} ended (${end}):\n${started.output()}\n${text}`);
      }
      return await fetch(`${url}/health`).then(
        (response) => (response.ok ? true : undefined),
        () => undefined,
      );
    });
    return started;
  };
  // Caddy would wait for idle connections; the others have child processes.
  const stop = () => running.stop(name === 'caddy' ? 'SIGKILL' : 'SIGTERM');
  let running = await start();
  return {
    name,
    url,
    tlsPort,
    certificate,
    certificateFile: join(folder, 'cert.pem'),
    async restart() {
      await stop();
      running = await start();
    },
    signal: (signal) => void running.child.kill(signal),
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
