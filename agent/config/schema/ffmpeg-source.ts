import { PerchError } from '../../base/errors.ts';
import { parseCommandLine } from '../values/command-line.ts';
import type { PathSettings } from './path.ts';

const SCHEME = /^ffmpeg:\/\//i;
const CODEC_OPTION = /^-(?:c|codec|vcodec|acodec)(?::|$)/;
/** Options of the input as some write them: `input_format=mjpeg /dev/video0`. */
const NAMED_VALUE = /^([a-z]\w{0,40})=([^/]\S*)$/;
const HERE = 'rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH';
const QUIET = ['ffmpeg', '-nostdin', '-hide_banner', '-loglevel', 'warning'];
/** Pictures of a device come as they are. */
const FOR_DEVICES = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];

export const isFfmpegSource = (source: string): boolean => SCHEME.test(source);

/**
 * What guides mean by `source: ffmpeg://…`: ffmpeg runs and publishes to the path. Behind the scheme is an input with
 * options of the output behind it (`rtsp://camera/1 -c:v libx264 -f rtsp`), or whatever ffmpeg is to be given (`-re -i x …`).
 * @returns the command, in which `$RTSP_PORT` and `$MTX_PATH` are not replaced yet
 * @throws PerchError badInput
 */
export function ffmpegCommand(source: string): string {
  const rest = source.replace(SCHEME, '');
  if (rest.trim() === '') {
    throw new PerchError(
      'badInput',
      'ffmpeg:// names no input: write for example ffmpeg://rtsp://192.168.1.20/1 -c:v libx264',
    );
  }
  const words = parseCommandLine(rest);
  const given = words[0]?.startsWith('-') ? words : inputOf(words);
  const last = given.at(-1) ?? '';
  const hasOutput = /^rtsps?:\/\//i.test(last) && given.at(-2) !== '-i';
  // An output's options stand before it: `-f rtsp` may be written already, and once more does no harm.
  const output = hasOutput ? [] : ['-f', 'rtsp', '-rtsp_transport', 'tcp', HERE];
  const command = [...QUIET, ...given, ...output].map(quoted).join(' ');
  parseCommandLine(command);
  return command;
}

/** The path as it is meant: one that is published to, by a command that is started again whenever it ends. */
export function withPublisher(settings: PathSettings): PathSettings {
  if (!isFfmpegSource(settings.source)) {
    return settings;
  }
  const command = ffmpegCommand(settings.source);
  const published = { ...settings, source: 'publisher', sourceOnDemand: false } as const;
  return settings.sourceOnDemand
    ? {
        ...published,
        runOnDemand: command,
        runOnDemandRestart: true,
        runOnDemandStartTimeoutMs: settings.sourceOnDemandStartTimeoutMs,
        runOnDemandCloseAfterMs: settings.sourceOnDemandCloseAfterMs,
      }
    : { ...published, runOnInit: command, runOnInitRestart: true };
}

function inputOf(words: readonly string[]): readonly string[] {
  const first = words.findIndex((word) => !NAMED_VALUE.test(word));
  const input = words[first];
  if (input === undefined) {
    throw new PerchError('badInput', 'ffmpeg:// names options, but no input behind them');
  }
  const options = words.slice(0, first).flatMap((word) => {
    const [, name = '', value = ''] = NAMED_VALUE.exec(word) ?? [];
    return [`-${name}`, value];
  });
  const isDevice = input.startsWith('/dev/');
  const following = words.slice(first + 1);
  const codec = following.some((word) => CODEC_OPTION.test(word)) ? [] : isDevice ? FOR_DEVICES : ['-c', 'copy'];
  return [...kindOf(input, isDevice), ...options, '-i', input, ...codec, ...following];
}

/** How an input of this kind is read. */
function kindOf(input: string, isDevice: boolean): readonly string[] {
  if (isDevice) {
    return ['-f', 'v4l2'];
  }
  if (/^rtsps?:\/\//i.test(input)) {
    return ['-rtsp_transport', 'tcp'];
  }
  // A file is shown at its own pace, again and again.
  return input.includes('://') ? [] : ['-re', '-stream_loop', '-1'];
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./$?&-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
