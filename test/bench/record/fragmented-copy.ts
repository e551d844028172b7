import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';

/** ffmpeg copying a camera into a fragmented MP4 file, a fragment each second. @param binary its path */
export function startCopy(url: string, file: string, binary = 'ffmpeg'): RunningProcess {
  const input = ['-v', 'error', '-rtsp_transport', 'tcp', '-i', url];
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '1000000'];
  return startProcess(binary, [...input, '-c', 'copy', '-f', 'mp4', ...fragments, '-y', file]);
}
