import { freePorts } from '../../support/base/free-port.ts';
import { MOTO_PYTHON } from './peers.ts';
import { runProcess, startProcess } from './process.ts';

/** Makes a bucket and a user who may do everything: later requests are checked for that user's signature. */
const SET_UP = `
import boto3, json, sys
url = sys.argv[1]
boto = lambda name: boto3.client(name, endpoint_url=url, region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b')
boto('s3').create_bucket(Bucket='cameras')
iam = boto('iam')
iam.create_user(UserName='perch')
allow = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 's3:*', 'Resource': '*'}]}
iam.put_user_policy(UserName='perch', PolicyName='all', PolicyDocument=json.dumps(allow))
key = iam.create_access_key(UserName='perch')['AccessKey']
print('KEY', key['AccessKeyId'], key['SecretAccessKey'])
`;
/** The five requests above. */
const SET_UP_REQUESTS = '5';

/** PyPI's moto, a server of S3 that checks signatures. */
export interface Moto extends AsyncDisposable {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** SHA-256 in hex of each object of the bucket `cameras`, by key. */
  objects(): Promise<ReadonlyMap<string, string>>;
}

const READ = `
import boto3, hashlib, sys
url, key, secret = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=url, region_name='us-east-1', aws_access_key_id=key, aws_secret_access_key=secret)
for page in s3.get_paginator('list_objects_v2').paginate(Bucket='cameras'):
    for one in page.get('Contents', []):
        body = s3.get_object(Bucket='cameras', Key=one['Key'])['Body'].read()
        print('OBJECT', one['Key'], hashlib.sha256(body).hexdigest())
`;

export async function startMoto(): Promise<Moto> {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const program = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
  const running = startProcess(MOTO_PYTHON, program, { INITIAL_NO_AUTH_ACTION_COUNT: SET_UP_REQUESTS });
  await running.waitFor(/Running on/);
  const { output } = await runProcess(MOTO_PYTHON, ['-c', SET_UP, url]);
  const [, accessKey = '', secretKey = ''] = /KEY (\S+) (\S+)/.exec(output) ?? [];
  if (secretKey === '') {
    throw new Error(`moto has no user: ${output}`);
  }
  return {
    url,
    accessKey,
    secretKey,
    objects: async () => {
      const read = await runProcess(MOTO_PYTHON, ['-c', READ, url, accessKey, secretKey]);
      if (read.code !== 0) {
        throw new Error(read.output);
      }
      return new Map([...read.output.matchAll(/OBJECT (\S+) (\S+)/g)].map(([, key = '', hash = '']) => [key, hash]));
    },
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}
