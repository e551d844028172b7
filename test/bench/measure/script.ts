import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';

/** A script of a bench in a separate process. */
export function startScript(file: string, args: readonly string[]): RunningProcess {
  return startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args]);
}
