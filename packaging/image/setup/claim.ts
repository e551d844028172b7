export interface Claimed {
  /** For the owner. */
  readonly told: string;
  /** Nothing is left to try at the next start. */
  readonly isOver: boolean;
}

/** The first thing that is asked of a box that has just started, perhaps a slow one. */
const PATIENCE_MS = 120_000;

/** Perch itself takes the password, as from the page, and keeps its hash alone. @param url of Perch on this machine */
export async function claimBox(url: string, password: string): Promise<Claimed> {
  let answer: Response;
  try {
    answer = await fetch(new URL('/v3/claim', url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ password }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return { told: 'owner-password: Perch does not run yet; it is set at the next start', isOver: false };
  }
  const { error } = (await answer.json().catch(() => ({}))) as { error?: unknown };
  if (answer.ok) {
    return { told: 'owner-password: set; log in with it', isOver: true };
  }
  if (answer.status >= 500) {
    return { told: 'owner-password: Perch cannot set it now; it is set at the next start', isOver: false };
  }
  return { told: `owner-password: not set: ${String(error ?? answer.status)}`, isOver: true };
}
