import type { ApiEdits } from '../../../config/edit/api-edits.ts';
import type { Config } from '../../../config/load/load.ts';
import { portOf } from '../../../config/values/address.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';
import { type CallAnswer, CODE, EDITOR, failure, isOn } from './call.ts';
import { zlmSettings } from './keys.ts';

interface Setting {
  /** The setting is one of `pathDefaults`; otherwise it is a global one. */
  readonly isOfPaths?: boolean;
  /** The value is a secret, or may contain one. */
  readonly isHidden?: boolean;
  /** The setting is the secret of the calls themselves, which they send as the parameter `secret`. */
  readonly isOfCall?: boolean;
  read(config: Config): string;
  /** @returns the setting as the control API takes it. @throws PerchError with ZLMediaKit's code */
  write(text: string, name: string): Readonly<Record<string, unknown>>;
}

function numberOf(text: string, name: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw failure(CODE.badArguments, `${name} '${text.slice(0, 20)}' is not a number`);
  }
  return value;
}

const duration = (key: string, unit: 's' | 'ms', readMs: (config: Config) => number): Setting => ({
  read: (config) => String(readMs(config) / (unit === 's' ? 1000 : 1)),
  write: (value, name) => ({ [key]: `${numberOf(value, name)}${unit}` }),
});

const count = (key: 'zlmHookRetry' | 'hlsSegmentCount'): Setting => ({
  read: (config) => String(zlmSettings(config)[key]),
  write: (value, name) => ({ [key]: numberOf(value, name) }),
});

type TextKey = Extract<keyof ReturnType<typeof zlmSettings>, 'zlmSecret' | 'zlmMediaServerId' | `zlmOn${string}`>;
const text = (key: TextKey): Setting => ({
  read: (config) => zlmSettings(config)[key],
  write: (value) => ({ [key]: value }),
});
/** For URLs of hooks, which may contain a password, and for the secret. */
const hidden = (key: TextKey): Setting => ({ ...text(key), isHidden: true });

/** Settings that have a key in the configuration, by their names in ZLMediaKit. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'general.mediaServerId': text('zlmMediaServerId'),
  'general.streamNoneReaderDelayMS': duration(
    'zlmStreamNoneReaderDelay',
    'ms',
    (config) => zlmSettings(config).zlmStreamNoneReaderDelayMs,
  ),
  'hook.alive_interval': duration('zlmKeepaliveInterval', 's', (config) => zlmSettings(config).zlmKeepaliveIntervalMs),
  'hook.timeoutSec': duration('zlmHookTimeout', 's', (config) => zlmSettings(config).zlmHookTimeoutMs),
  'hook.retry': count('zlmHookRetry'),
  'hook.retry_delay': duration('zlmHookRetryDelay', 's', (config) => zlmSettings(config).zlmHookRetryDelayMs),
  'hls.segDur': duration('hlsSegmentDuration', 's', (config) => config.hlsSegmentDurationMs),
  'hls.segNum': count('hlsSegmentCount'),
  'protocol.enable_mp4': {
    isOfPaths: true,
    read: ({ pathDefaults }) => (pathDefaults.record === 'no' ? '0' : '1'),
    write: (value) => ({ record: isOn(value) }),
  },
  'protocol.mp4_max_second': {
    isOfPaths: true,
    ...duration('recordSegmentDuration', 's', ({ pathDefaults }) => pathDefaults.recordSegmentDurationMs),
  },
  'api.secret': { ...hidden('zlmSecret'), isOfCall: true },
  'hook.on_play': hidden('zlmOnPlay'),
  'hook.on_publish': hidden('zlmOnPublish'),
  'hook.on_stream_not_found': hidden('zlmOnStreamNotFound'),
  'hook.on_stream_none_reader': hidden('zlmOnStreamNoneReader'),
  'hook.on_stream_changed': hidden('zlmOnStreamChanged'),
  'hook.on_flow_report': hidden('zlmOnFlowReport'),
  'hook.on_record_mp4': hidden('zlmOnRecordMP4'),
  'hook.on_record_ts': hidden('zlmOnRecordTS'),
  'hook.on_server_started': hidden('zlmOnServerStarted'),
  'hook.on_server_keepalive': hidden('zlmOnServerKeepalive'),
};

/** Settings without secrets and without URLs of hooks, which may contain some. */
export const shownSettings = (config: Config): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(SETTINGS).flatMap(([name, { read, isHidden }]) => (isHidden ? [] : [[name, read(config)] as const])),
  ),
  'general.maxStreamWaitMS': '15000',
  'http.port': String(portOf(config.address)),
  'rtsp.port': String(config.rtsp ? portOf(config.rtspAddress) : 0),
  'rtmp.port': String(config.rtmp ? portOf(config.rtmpAddress) : 0),
  'srt.port': String(config.srt ? portOf(config.srtAddress) : 0),
  'rtc.port': String(portOf(config.webrtcLocalUDPAddress)),
  'rtc.tcpPort': String(portOf(config.webrtcLocalTCPAddress)),
});

/** `setServerConfig`: other names are ignored. `changed`: how many settings the call has set. */
export async function setSettings(
  parameters: ZlmParameters,
  config: Config,
  edits: Pick<ApiEdits, 'patchGlobal'>,
): Promise<CallAnswer> {
  const wanted = Object.entries(SETTINGS).flatMap(([name, setting]) => {
    const value = parameters.sent(name);
    // A comparison with the secret in force would confirm guesses: callers with a user name need not know it.
    const now = setting.isOfCall ? parameters.get('secret') : setting.read(config);
    return value === undefined || value === now ? [] : [{ ...setting, name, value }];
  });
  const global: Record<string, unknown> = {};
  const pathDefaults: Record<string, unknown> = {};
  for (const { isOfPaths, write, name, value } of wanted) {
    Object.assign(isOfPaths ? pathDefaults : global, write(value, name));
  }
  const body = { ...global, ...(Object.keys(pathDefaults).length > 0 ? { pathDefaults } : {}) };
  if (wanted.length > 0) {
    await edits.patchGlobal(body, EDITOR);
  }
  return { changed: wanted.length };
}
