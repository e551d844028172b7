import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runProcess } from './process.ts';

const execute = promisify(execFile);

/** Decodes an input to its end. @returns ffmpeg's warnings: empty if all is well */
export async function ffmpegWarnings(input: readonly string[]): Promise<string> {
  const { code, output } = await runProcess('ffmpeg', [
    '-nostdin',
    '-hide_banner',
    '-v',
    'warning',
    ...input,
    '-f',
    'null',
    '-',
  ]);
  return code === 0 ? output.trim() : `ended with ${code}: ${output.trim()}`;
}

export interface ProbedStream {
  readonly codec_name: string;
  readonly codec_type: string;
  readonly width?: number;
  readonly height?: number;
  readonly duration?: string;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly nb_read_packets?: string;
  readonly nb_read_frames?: string;
  readonly start_time?: string;
}

export interface ProbedPacket {
  readonly codec_type: string;
  readonly pts_time?: string;
  readonly dts_time?: string;
}

export interface Probed {
  readonly streams: readonly ProbedStream[];
  /** With `-show_packets`, or its entries. */
  readonly packets?: readonly ProbedPacket[];
  readonly format: { readonly duration?: string; readonly format_name: string };
  /** ffprobe's standard error. */
  readonly warnings: string;
}

export async function ffprobe(input: string, args: readonly string[] = []): Promise<Probed> {
  const shown = ['-v', 'warning', '-of', 'json', '-show_streams', '-show_format', ...args, input];
  try {
    const { stdout, stderr } = await execute('ffprobe', shown, { maxBuffer: 100e6 });
    return { ...(JSON.parse(stdout) as Omit<Probed, 'warnings'>), warnings: stderr.trim() };
  } catch (error) {
    throw new Error(`ffprobe ${input}`, { cause: error });
  }
}

/** Presentation times, in seconds, and key flags of a stream's packets, in the order of the file. */
export async function packetTimes(input: string, stream: string): Promise<{ pts: number; isKey: boolean }[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    stream,
    '-show_entries',
    'packet=pts_time,flags',
    '-of',
    'csv=p=0',
    input,
  ];
  const { output } = await runProcess('ffprobe', args);
  return output
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [pts = '', flags = ''] = line.split(',');
      return { pts: Number(pts), isKey: flags.startsWith('K') };
    });
}
