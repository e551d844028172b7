import { fetchJson, RequestError } from '../api-client/request.ts';
import type { GuestItem } from './people.ts';

export type GuestLink = GuestItem & { readonly link: string };

interface GuestLinkRequest {
  /** Cameras, or the id of a clip. */
  readonly paths?: GuestItem['paths'];
  readonly recordings?: boolean;
  readonly clip?: string;
  /** RFC 3339. */
  readonly until: string;
  readonly note: string;
}

/** Creates a guest link. After a lost response the first link is revoked, because its token is shown only once. */
export class GuestLinkMaker {
  /** Links before the first attempt, because others may have the same end. */
  #before: ReadonlySet<string> | undefined;
  #unanswered: GuestLinkRequest[] = [];

  async make(request: GuestLinkRequest): Promise<GuestLink> {
    const links = await this.#links();
    this.#before ??= new Set(links.map(({ id }) => id));
    for (const link of links) {
      if (!this.#before.has(link.id) && this.#unanswered.some((lost) => isOf(link, lost))) {
        await fetchJson(`v3/guests/${encodeURIComponent(link.id)}`, { method: 'DELETE' });
      }
    }
    try {
      return await fetchJson<GuestLink>('v3/guests', { method: 'POST', body: request });
    } catch (error) {
      if (error instanceof RequestError && error.status === 0) {
        this.#unanswered.push(request);
      }
      throw error;
    }
  }

  async #links(): Promise<readonly GuestItem[]> {
    return (await fetchJson<{ readonly items: readonly GuestItem[] }>('v3/guests?itemsPerPage=1000')).items;
  }
}

const isOf = (link: GuestItem, request: GuestLinkRequest): boolean =>
  Date.parse(link.until) === Date.parse(request.until) && link.note === request.note;
