import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The benchmark's work on Kafka Streams, exactly_once_v2, with cache: bootstrap source out id folder events commit-ms. */
public final class OnKafkaStreams {
  private static final AtomicLong DONE = new AtomicLong();
  private static final double LIMIT = 98.0;

  private OnKafkaStreams() {}

  private static long number(ByteBuffer body) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = body.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return (value >>> 1) ^ -(value & 1);
      }
    }
  }

  private static byte[] text(ByteBuffer body) {
    byte[] bytes = new byte[(int) number(body)];
    body.get(bytes);
    return bytes;
  }

  private static final class Adder implements Processor<byte[], byte[], byte[], byte[]> {
    private KeyValueStore<byte[], byte[]> sums;
    private ProcessorContext<byte[], byte[]> context;

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      sums = given.getStateStore("sums");
    }

    @Override
    public void process(Record<byte[], byte[]> message) {
      ByteBuffer body = ByteBuffer.wrap(message.value()).order(ByteOrder.LITTLE_ENDIAN);
      body.position(5);
      byte[] sensor = text(body);
      text(body);
      number(body);
      long ts = number(body);
      long seq = number(body);
      double value = body.getDouble();
      byte[] id = message.headers().lastHeader("ce_id").value();
      byte[] was = sums.get(message.key());
      long count = 1;
      double total = value;
      if (was != null) {
        ByteBuffer old = ByteBuffer.wrap(was);
        count = old.getLong() + 1;
        old.getDouble();
        total = old.getDouble() + value;
      }
      ByteBuffer now = ByteBuffer.allocate(40);
      now.putLong(count).putDouble(value).putDouble(total).putLong(seq).putLong(ts);
      sums.put(message.key(), now.array());
      if (value > LIMIT) {
        String out = "{\"sensor\":\"" + new String(sensor, StandardCharsets.UTF_8) + "\",\"value\":" + value
            + ",\"n\":" + count + ",\"cause\":\"" + new String(id, StandardCharsets.UTF_8) + "\"}";
        context.forward(new Record<>(message.key(), out.getBytes(StandardCharsets.UTF_8), message.timestamp()));
      }
      DONE.incrementAndGet();
    }
  }

  public static void main(String[] given) throws InterruptedException {
    final long wanted = Long.parseLong(given[5]);
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given[3]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, given[4]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Integer.parseInt(given[6]));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 2000);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 262144);
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("sums"), Serdes.ByteArray(), Serdes.ByteArray())
            .withCachingEnabled());
    builder.<byte[], byte[]>stream(given[1]).process(Adder::new, "sums").to(given[2]);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long[] due = {1, wanted / 2, wanted};
    double[][] marks = new double[due.length][];
    for (int i = 0; i < due.length; i++) {
      while (DONE.get() < due[i]) {
        Thread.sleep(2);
      }
      marks[i] = new double[] {DONE.get(), System.nanoTime() / 1e9, system.getProcessCpuTime() / 1e9};
    }
    System.out.printf(
        "{\"events\": %.0f, \"cpu_s\": %.2f, \"per_s\": %.0f, \"per_cpu_s\": %.0f, \"warm_per_cpu_s\": %.0f}%n",
        marks[2][0],
        marks[2][2] - marks[0][2],
        rate(marks[0], marks[2], 1),
        rate(marks[0], marks[2], 2),
        rate(marks[1], marks[2], 2));
    Runtime.getRuntime().halt(0);
  }

  private static double rate(double[] from, double[] to, int clock) {
    return (to[0] - from[0]) / (to[clock] - from[clock]);
  }
}
