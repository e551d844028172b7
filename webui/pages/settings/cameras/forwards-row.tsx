import { Row } from '../../../ui/controls/row.tsx';
import { forwardsWords } from '../../../words/settings/forwards.ts';
import { useForwards } from './data/forwards-data.ts';

/** Leads to the servers that a path is forwarded to, with a summary. */
export function ForwardsRow({ name, onClick }: { readonly name: string; readonly onClick: () => void }) {
  const t = forwardsWords.value;
  const { items } = useForwards(name);
  const failing = items?.filter(({ state }) => state === 'error').length ?? 0;
  const count = items?.length ?? 0;
  const text = failing > 0 ? t.someFail(failing, count) : count > 0 ? t.servers(count) : t.noServer;
  return <Row title={t.forwarding} text={text} {...(failing > 0 ? { tone: 'warn' as const } : {})} onClick={onClick} />;
}
