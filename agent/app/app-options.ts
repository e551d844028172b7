import type { LogOutput } from '../base/log-output.ts';
import type { CamerasDeps } from '../cameras/cameras.ts';
import type { Environment } from '../config/load/environment.ts';
import type { Feature } from '../features/contract.ts';
import type { FoundCamerasOptions } from '../onvif/discovery/found-cameras.ts';
import type { MdnsNameOptions } from './device/mdns-name.ts';
import type { HttpListenersDeps } from './listeners/http-listeners.ts';
import type { Protocols } from './protocols.ts';

type ForHttp = 'version' | 'pageFolder' | 'clock' | 'log' | 'lines';

export interface AppOptions extends Pick<MdnsNameOptions, 'network' | 'onName'>, Pick<HttpListenersDeps, ForHttp> {
  /** Absolute path of the data folder, whose lock the caller holds. */
  readonly dataDir: string;
  /** The configuration file of the command line. */
  readonly file?: string;
  readonly cwd: string;
  readonly env: Environment;
  /** Log output, which follows the configuration; the caller closes it. */
  readonly output?: LogOutput;
  /** Ends the program, which its supervisor restarts; absent without a supervisor. */
  readonly restart?: () => void;
  readonly hostAnswers?: string;
  /** Supported protocols; default: all of Perch's. */
  readonly protocols?: Protocols;
  /** Default: all of Perch's. */
  readonly features?: readonly Feature[];
  /** Networks and ports of the search for cameras; default: the networks of the box. */
  readonly discovery?: Pick<FoundCamerasOptions, 'port' | 'listenMs' | 'includeLoopback' | 'only'> &
    Pick<CamerasDeps, 'onvifPorts' | 'streamPorts'>;
}
