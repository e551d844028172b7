import type { Machine } from './machine.ts';

/** Root's part of updates. */
export const UPDATES = '/var/lib/perch-update';
export const REQUESTS = '/var/lib/perch/requests';
/** Folder of the demo camera's recordings. */
export const RECORDINGS = '/var/lib/perch/recordings/demo';

let requests = 0;

/** As the agent asks, with its rights. @param file of the machine @returns the id */
export async function askForUpdate(machine: Machine, file: string): Promise<string> {
  requests += 1;
  const id = requests.toString(16).padStart(32, '0');
  const request = JSON.stringify({ id, host: '127.0.0.1', port: 80, folders: [RECORDINGS] });
  const steps = [
    `mkdir -p ${REQUESTS}`,
    `cp ${file} ${REQUESTS}/update.perchupdate`,
    `echo '${request}' > ${REQUESTS}/update.json.new`,
    `mv ${REQUESTS}/update.json.new ${REQUESTS}/update.json`,
  ];
  await machine.must(`runuser -u perch -- sh -c "${steps.join(' && ').replaceAll('"', '\\"')}"`);
  return id;
}

/** Its result, once it is over. */
export async function outcomeOf(machine: Machine, id: string): Promise<Record<string, unknown>> {
  const said = await machine.until(`grep '${id}' ${UPDATES}/status.json && [ ! -e ${UPDATES}/journal.json ]`);
  return JSON.parse(said);
}
