import { AsyncLocalStorage } from 'node:async_hooks';
import type { Problem } from '../yaml/problem.ts';

/** One request, with what it has changed and could not save. */
export interface Caller {
  /** Why its changes are in effect until the next start only, or undefined if there are none, or they are saved. */
  problem?: Problem;
}

/** Changes pass through many hands and a queue: their caller is known by its asynchronous context. */
const callers = new AsyncLocalStorage<Caller>();

/** Runs `work`, and all that follows from it, for the caller. */
export function collectUnsaved(caller: Caller, work: () => void): void {
  callers.run(caller, work);
}

/** Called when a change takes effect that cannot be saved. */
export function noteUnsaved(problem: Problem): void {
  const caller = callers.getStore();
  if (caller) {
    caller.problem = problem;
  }
}
