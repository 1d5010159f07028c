# A receiver of webhooks as a controller of Rails; there is nothing more to install.
#
# In config/routes.rb:  post "/webhooks", to: "webhooks#receive"
# SONNETTE_SECRET is the secret of the webhook: "whsec_" and more.
require "openssl"

class WebhooksController < ApplicationController
  # The signature says who is calling; there is no form that could carry a token.
  skip_forgery_protection

  KEY = ENV.fetch("SONNETTE_SECRET").delete_prefix("whsec_").unpack1("m")
  raise "SONNETTE_SECRET is not set" if KEY.empty?

  # Lost when the process ends, and each process has its own: in production, use a table with a unique column,
  # and write to it in the transaction that does the work.
  SEEN = Set.new
  ONE_AT_A_TIME = Mutex.new

  def receive
    return head :payload_too_large if request.content_length.to_i > 1.megabyte

    # The bytes as they came: JSON that was parsed and written again has another signature.
    body = request.raw_post
    return head :unauthorized unless verified?(body)

    ONE_AT_A_TIME.synchronize do
      # Whatever is sent again comes with the same webhook-id.
      id = request.headers["webhook-id"]
      unless SEEN.include?(id)
        work(JSON.parse(body))
        SEEN.add(id)
      end
    end
    head :ok
  end

  private

  def work(notification)
    # The sender waits for the answer. What takes more than a few seconds: a job for ActiveJob.
    logger.info "received #{notification["action"] || notification["type"] || notification["event"]}"
  end

  def verified?(body)
    id, timestamp, signatures = %w[id timestamp signature].map { |name| request.headers["webhook-#{name}"].to_s.b }
    return false unless timestamp.match?(/\A\d+\z/) && (Time.now.to_i - timestamp.to_i).abs <= 300

    expected = "v1," + [OpenSSL::HMAC.digest("SHA256", KEY, "#{id}.#{timestamp}.".b + body.b)].pack("m0")
    # After a change of the secret there are two signatures for a day. Either will do.
    signatures.split.any? { |signature| ActiveSupport::SecurityUtils.secure_compare(signature, expected) }
  end
end
