// lathed as @grpc/grpc-js sees it, with the proto loaded at run time: client.js ADDRESS PROTO, where the
// models are those of server_make_models.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, proto] = process.argv.slice(2);
const options = {keepCase: true, longs: String, enums: String, defaults: true, oneofs: true};
const loaded = grpc.loadPackageDefinition(loader.loadSync(proto, options)).inference;
const client = new loaded.GRPCInferenceService(address, grpc.credentials.createInsecure());

let failed = 0;
function check(what, holds, detail) {
  console.log((holds ? 'ok   ' : 'FAIL ') + what + (holds ? '' : ': ' + JSON.stringify(detail)));
  if (!holds) failed = 1;
}

function call(method, request) {
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + 60000);
    client[method](request, {deadline}, (error, reply) => error ? reject(error) : resolve(reply));
  });
}

const row = Array.from({length: 20}, (_, j) => j / 4 - 2);
const expected = row.reduce((sum, cell, j) => sum + (j + 1) * cell, 0.5);
const typed = {
  model_name: 'linear',
  id: '7',
  inputs: [{name: 'x', datatype: 'FP64', shape: [1, 20], contents: {fp64_contents: row}}],
};
const raw = {
  model_name: 'linear',
  inputs: [{name: 'x', datatype: 'FP64', shape: [1, 20]}],
  raw_input_contents: [Buffer.from(new Float64Array(row).buffer)],
};

async function main() {
  check('it lives', (await call('ServerLive', {})).live);
  check('it is ready', (await call('ServerReady', {})).ready);
  const metadata = await call('ModelMetadata', {name: 'linear'});
  check('metadata', metadata.inputs[0].shape.join() === '-1,20', metadata);

  const reply = await call('ModelInfer', typed);
  const number = reply.outputs[0].contents.fp64_contents[0];
  check('typed in, typed out', Math.abs(number - expected) < 1e-9 && reply.id === '7', reply);
  const bytes = (await call('ModelInfer', raw)).raw_output_contents[0];
  check('raw in, raw out, the same number to the bit', bytes.readDoubleLE(0) === number, bytes);

  const species = await call('ModelInfer', {
    model_name: 'species',
    inputs: [
      {name: 'island', datatype: 'BYTES', shape: [1], contents: {bytes_contents: [Buffer.from('Biscoe')]}},
      {name: 'length', datatype: 'FP64', shape: [1], contents: {fp64_contents: [NaN]}},
      {name: 'mass', datatype: 'INT32', shape: [1], contents: {int_contents: [3000]}},
    ],
  });
  check('columns by name', species.outputs[0].contents.bytes_contents[0].toString() === 'Gentoo',
        species);

  let refused = null;
  try {
    await call('ModelInfer', {...typed, model_name: 'nobody'});
  } catch (error) {
    refused = error;
  }
  check('an unknown model', refused !== null && refused.code === grpc.status.NOT_FOUND &&
        refused.details.startsWith('R001'), refused);

  const replies = await new Promise((resolve, reject) => {
    const stream = client.ModelStreamInfer({deadline: new Date(Date.now() + 60000)});
    const got = [];
    stream.on('data', (message) => got.push(message));
    stream.on('error', reject);
    stream.on('end', () => resolve(got));
    for (const id of ['1', '2', '3']) stream.write({...typed, id});
    stream.end();
  });
  check('a stream, in order', replies.map((r) => r.infer_response.id).join() === '1,2,3', replies);

  const index = await call('RepositoryIndex', {});
  check('the index', index.models.map((m) => m.name + m.state).join() === 'linearREADY,speciesREADY',
        index);
  client.close();
  process.exitCode = failed;
}

main().catch((error) => {
  console.log('FAIL ' + error);
  process.exitCode = 1;
});
