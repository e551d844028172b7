import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { type RunningProcess, startProcess } from './process.ts';

const RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const TLS = join(import.meta.dirname, '../../fixtures/tls');

export interface NginxRtmp extends AsyncDisposable {
  /** `rtmp://127.0.0.1:PORT/live` */
  readonly url: string;
  /** `rtmps://…`, where nginx has its module `stream`: with the certificate of the fixtures. */
  readonly secureUrl: string;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again. */
  start(): void;
}

/** nginx as an RTMP server with the application `live`. */
export async function startNginxRtmp(): Promise<NginxRtmp> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-nginx-rtmp-'));
  const [port = 0, securePort = 0] = await freePorts(2);
  const file = join(folder, 'nginx.conf');
  const head = `daemon off;\nmaster_process off;\nuser root;\npid ${folder}/nginx.pid;\nerror_log stderr;\nevents {}\n`;
  const secure = existsSync(STREAM_MODULE)
    ? `stream { server { listen 127.0.0.1:${securePort} ssl; ssl_certificate ${TLS}/camera.crt; ssl_certificate_key ${TLS}/camera.key; proxy_pass 127.0.0.1:${port}; } }\n`
    : '';
  const load = [RTMP_MODULE, ...(secure === '' ? [] : [STREAM_MODULE])].map((module) => `load_module ${module};\n`);
  const server = `rtmp { access_log off; server { listen 127.0.0.1:${port}; application live { live on; } } }`;
  writeFileSync(file, `${load.join('')}${head}${secure}${server}\n`);
  let nginx: RunningProcess;
  const start = () => {
    nginx = startProcess('/usr/sbin/nginx', ['-e', 'stderr', '-c', file]);
  };
  const kill = async () => void (await nginx.stop('SIGKILL'));
  start();
  return {
    url: `rtmp://127.0.0.1:${port}/live`,
    secureUrl: `rtmps://127.0.0.1:${securePort}/live`,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
