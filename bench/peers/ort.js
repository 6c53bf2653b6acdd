// Peer: ONNX Runtime, inference with one thread, of the model that onnx_model.py wrote. bench/timed_case.h has the protocol.
//
// node ort.js MODEL CELL infer STEPS ROWS FEATURES UNITS [--outputs FILE]
const fs = require('fs'), readline = require('readline');

const letters = [...'x'].map(letter => letter.charCodeAt(0));

// number_of("x", index) of bench/timed_case.h.
function numberOfX(index) {
  let hash = 2166136261;
  for (const letter of letters) hash = Math.imul(hash ^ letter, 16777619);
  hash = (hash + Math.imul(index + 1, 2654435761)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash >>> 8) / 8388608 - 1;
}

function nowMs() {
  if (!process.env.TAPELOOP_BENCH_CLOCK) return Number(process.hrtime.bigint()) / 1e6;
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e3;
}

async function medianMs(action) {
  const times = [], start = nowMs();
  do {
    const before = nowMs();
    await action();
    times.push(nowMs() - before);
  } while (nowMs() - start < 400);
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}

async function main() {
  const ort = require('onnxruntime-node');
  const [model, , , steps, rows, features, , , outputs] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, interOpNumThreads: 1});
  const dims = [steps, rows, features].map(Number);
  const x = Float32Array.from({length: dims[0] * dims[1] * dims[2]}, (_, k) => numberOfX(k));
  const feed = {X: new ort.Tensor('float32', x, dims)};
  const result = await session.run(feed);
  if (outputs) return fs.writeFileSync(outputs, Buffer.from(result.Y.data.buffer, result.Y.data.byteOffset, result.Y.data.byteLength));
  const action = () => session.run(feed);
  await action();
  console.log('ready');
  for await (const _ of readline.createInterface({input: process.stdin})) console.log(await medianMs(action));
}

main().catch(error => {
  console.error(String(error.message || error).split('\n')[0]);
  process.exitCode = 3;
});
