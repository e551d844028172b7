import { Empty } from '../../live/notices.tsx';
import { featureLink } from '../../shell/route.ts';
import type { ServerLinkProps } from '../contract.ts';
import { acmeWords } from './words.ts';

/** To the five steps. */
export function ServerLink({ isEmpty }: ServerLinkProps) {
  const t = acmeWords.value;
  const link = (
    <a class="button main" href={featureLink('system', 'server')}>
      {t.show}
    </a>
  );
  return isEmpty ? (
    <Empty title={t.noBoxes} text={t.noBoxesText}>
      {link}
    </Empty>
  ) : (
    link
  );
}
