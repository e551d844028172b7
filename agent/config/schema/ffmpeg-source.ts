import { PerchError } from '../../base/errors.ts';
import { parseCommandLine } from '../values/command-line.ts';
import type { PathSettings } from './path.ts';

const SCHEME = /^ffmpeg:\/\//i;
const CODEC_OPTION = /^-(?:c|codec|vcodec|acodec)(?::|$)/;
/** An option of the input in the form `input_format=mjpeg /dev/video0`. */
const NAMED_VALUE = /^([a-z]\w{0,40})=([^/]\S*)$/;
const HERE = 'rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH';
const QUIET = ['ffmpeg', '-nostdin', '-hide_banner', '-loglevel', 'warning'];
/** Output options for a capture device, which sends raw pictures. */
const FOR_DEVICES = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];

export const isFfmpegSource = (source: string): boolean => SCHEME.test(source);

/**
 * `source: ffmpeg://…`: ffmpeg runs and publishes to the path. The scheme is followed by an input and options of the output
 * (`rtsp://camera/1 -c:v libx264 -f rtsp`), or by ffmpeg's arguments (`-re -i x …`).
 * @returns the command; `$RTSP_PORT` and `$MTX_PATH` are not replaced yet
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
  // Options of an output precede it: a second `-f rtsp` does no harm.
  const output = hasOutput ? [] : ['-f', 'rtsp', '-rtsp_transport', 'tcp', HERE];
  const command = [...QUIET, ...given, ...output].map(quoted).join(' ');
  parseCommandLine(command);
  return command;
}

/** Turns the path into one for a publisher: a command that restarts when it ends. */
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
    throw new PerchError('badInput', 'ffmpeg:// has options, but no input after them');
  }
  const options = words.slice(0, first).flatMap((word) => {
    const [, name = '', value = ''] = NAMED_VALUE.exec(word) ?? [];
    return [`-${name}`, value];
  });
  const isDevice = input.startsWith('/dev/');
  const following = words.slice(first + 1);
  const codec = following.some((word) => CODEC_OPTION.test(word)) ? [] : isDevice ? FOR_DEVICES : ['-c', 'copy'];
  return [...inputKind(input, isDevice), ...options, '-i', input, ...codec, ...following];
}

/** Options for this kind of input. */
function inputKind(input: string, isDevice: boolean): readonly string[] {
  if (isDevice) {
    return ['-f', 'v4l2'];
  }
  if (/^rtsps?:\/\//i.test(input)) {
    return ['-rtsp_transport', 'tcp'];
  }
  // A file plays in real time, in a loop.
  return input.includes('://') ? [] : ['-re', '-stream_loop', '-1'];
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./$?&-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
