import type { Clock } from '../../../base/clock.ts';
import { findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operations } from '../server/contract.ts';
import { capabilities, SERVICE_CAPABILITIES } from '../server/service-capabilities.ts';
import { fault, tag } from '../server/soap.ts';
import {
  findRecorded,
  type Recorded,
  type RecordedStore,
  recordedOf,
  sourceInformation,
  trackTokens,
  trackType,
} from './recorded-cameras.ts';
import { replayOperations } from './replay-service.ts';
import { searchOperations } from './search-service.ts';

const JOB = 'job-';
const PROFILE = 'http://www.onvif.org/ver10/schema/Profile';

interface RecordingServicesDeps {
  readonly source: OnvifSource;
  readonly store: RecordedStore;
  readonly clock: Clock;
}

/** The services of Profile G: what is recorded, where, and how it is replayed. */
export const recordingServices = (deps: RecordingServicesDeps): Operations => ({
  ...recordingOperations(deps.store),
  ...searchOperations(deps),
  ...replayOperations(deps.source, deps.store),
});

/** The recording control service of a read-only store (ONVIF Recording Control): what is recorded is set on Perch's page. */
function recordingOperations(store: RecordedStore): Operations {
  const find = (call: Call) => findRecorded(call, store, findText(call.body, 'RecordingToken'));
  const findJob = (call: Call) => {
    const token = findText(call.body, 'JobToken') ?? '';
    if (!token.startsWith(JOB)) {
      throw fault(
        `no recording job '${token.slice(0, 64)}': GetRecordingJobs lists them`,
        'InvalidArgVal',
        'NoRecordingJob',
      );
    }
    return findRecorded(call, store, token.slice(JOB.length));
  };
  return {
    'trc:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('trc', SERVICE_CAPABILITIES.recording) },
    'trc:GetRecordings': {
      answer: async (call) => {
        const items = (await recordedOf(call, store)).map((one) => {
          const head = tag('tt:RecordingToken', one.token) + configuration('tt:Configuration', one, call);
          return `<trc:RecordingItem>${head}<tt:Tracks>${tracks(one)}</tt:Tracks></trc:RecordingItem>`;
        });
        return reply('GetRecordings', items.join(''));
      },
    },
    'trc:GetRecordingConfiguration': {
      answer: async (call) =>
        reply('GetRecordingConfiguration', configuration('trc:RecordingConfiguration', await find(call), call)),
    },
    'trc:GetTrackConfiguration': {
      answer: async (call) => {
        const recorded = await find(call);
        const token = findText(call.body, 'TrackToken') ?? '';
        const index = trackTokens(recorded).indexOf(token);
        if (index < 0) {
          throw fault(`no track '${token.slice(0, 64)}': GetRecordings lists them`, 'InvalidArgVal', 'NoTrack');
        }
        return reply('GetTrackConfiguration', trackConfiguration('trc:TrackConfiguration', recorded, index));
      },
    },
    'trc:GetRecordingOptions': {
      answer: async (call) => {
        await find(call);
        const options =
          '<trc:Job Spare="0"/><trc:Track SpareTotal="0" SpareVideo="0" SpareAudio="0" SpareMetadata="0"/>';
        return reply('GetRecordingOptions', `<trc:Options>${options}</trc:Options>`);
      },
    },
    'trc:GetRecordingJobs': {
      answer: async (call) => {
        const items = (await recordedOf(call, store)).map(
          (one) =>
            `<trc:JobItem>${tag('tt:JobToken', JOB + one.token)}${job('tt:JobConfiguration', one)}</trc:JobItem>`,
        );
        return reply('GetRecordingJobs', items.join(''));
      },
    },
    'trc:GetRecordingJobConfiguration': {
      answer: async (call) => reply('GetRecordingJobConfiguration', job('trc:JobConfiguration', await findJob(call))),
    },
    'trc:GetRecordingJobState': {
      answer: async (call) => {
        const { token, isRecording } = await findJob(call);
        const state = tag('tt:RecordingToken', token) + tag('tt:State', isRecording ? 'Active' : 'Idle');
        return reply('GetRecordingJobState', `<trc:State>${state}</trc:State>`);
      },
    },
  };
}

const reply = (operation: string, content: string): string =>
  `<trc:${operation}Response>${content}</trc:${operation}Response>`;

/** A retention of 0: it is not known here. */
const configuration = (name: string, recorded: Recorded, call: Call): string =>
  `<${name}><tt:Source>${sourceInformation(recorded, call)}</tt:Source>${tag('tt:Content', recorded.camera.name)}` +
  `${tag('tt:MaximumRetentionTime', 'PT0S')}</${name}>`;

const trackConfiguration = (name: string, { tracks: all }: Recorded, index: number): string => {
  const track = all[index];
  return track
    ? `<${name}>${tag('tt:TrackType', trackType(track))}${tag('tt:Description', track.codec)}</${name}>`
    : '';
};

const tracks = (recorded: Recorded): string =>
  trackTokens(recorded)
    .map(
      (token, i) =>
        `<tt:Track>${tag('tt:TrackToken', token)}${trackConfiguration('tt:Configuration', recorded, i)}</tt:Track>`,
    )
    .join('');

function job(name: string, recorded: Recorded): string {
  const { token, isRecording } = recorded;
  const into = trackTokens(recorded).map(
    (track) => `<tt:Tracks>${tag('tt:SourceTag', track)}${tag('tt:Destination', track)}</tt:Tracks>`,
  );
  return (
    `<${name}>${tag('tt:RecordingToken', token)}${tag('tt:Mode', isRecording ? 'Active' : 'Idle')}${tag('tt:Priority', 1)}` +
    `<tt:Source><tt:SourceToken Type="${PROFILE}">${tag('tt:Token', token)}</tt:SourceToken>${into.join('')}</tt:Source></${name}>`
  );
}
