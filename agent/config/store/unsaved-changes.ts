import { AsyncLocalStorage } from 'node:async_hooks';
import type { Problem } from '../yaml/problem.ts';

/** One request, with what it has changed and could not save. */
interface Caller {
  problem?: Problem;
}

/** Changes pass through many hands and a queue: their caller is known by its asynchronous context. */
const callers = new AsyncLocalStorage<Caller>();

/** Runs `work`, and all that follows from it, as one caller. */
export function collectUnsaved(work: () => void): void {
  callers.run({}, work);
}

/** Called when a change takes effect that cannot be saved. */
export function noteUnsaved(problem: Problem): void {
  const caller = callers.getStore();
  if (caller) {
    caller.problem = problem;
  }
}

/** Why the caller's changes are in effect until the next start only; undefined: it has made none, or they are saved. */
export const unsavedOfCaller = (): Problem | undefined => callers.getStore()?.problem;
