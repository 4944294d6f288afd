// The same load on BullMQ: chains of five jobs as a flow (two children, then one after the other), each of which sleeps.
// node -e THIS add URL FLOWS   |   node -e THIS work URL CONCURRENCY MS
const { FlowProducer, Worker } = require('bullmq');

const [role, url, number, ms] = process.argv.slice(1);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
// About the size of a task's input, and of its record.
const data = { spec: 'x'.repeat(600) };
const record = { record: 'x'.repeat(500) };
const opts = { removeOnComplete: true, removeOnFail: false };

function job(name, children) {
  return { name, queueName: 'farm', data, opts, children };
}

async function add(flows) {
  const producer = new FlowProducer({ connection });
  const AT_ONCE = 100;
  for (let at = 0; at < flows; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, flows - at) }, () =>
      job('package', [job('check', [job('assemble', [job('conform'), job('mix')])])]));
    await producer.addBulk(some);
  }
  await producer.close();
}

function work(concurrency, pause) {
  const sleep = () => new Promise((done) => setTimeout(done, pause));
  const worker = new Worker('farm', async () => { await sleep(); return record; }, { connection, concurrency });
  worker.on('error', (error) => { console.error(error); process.exit(1); });
  process.on('SIGTERM', async () => { await worker.close(); process.exit(0); });
}

if (role === 'add') {
  add(Number(number)).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
} else {
  work(Number(number), Number(ms));
}
